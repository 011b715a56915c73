-- +goose Up
create table saved_plan (
    id text primary key,
    fabric_id text not null references fabric (id) on delete cascade,
    commit_id text not null,
    hash text not null,
    inputs text not null,
    created_at bigint not null,
    expires_at bigint not null,
    document bytea not null -- gzip
);
create index saved_plan_fabric on saved_plan (fabric_id, id);

-- The last completed comparison of a fabric; no row is "never checked".
create table comparison (
    fabric_id text primary key references fabric (id) on delete cascade,
    at bigint not null,
    commit_id text not null,
    run_id text not null,
    summary text not null,
    unread text not null
);

create table finding (
    fabric_id text not null references comparison (fabric_id) on delete cascade,
    seq bigint not null,
    kind_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    action text not null check (action in ('create', 'update', 'replace', 'delete', 'adopt', 'forget', 'hold', 'extra')),
    cause text not null,
    tier bigint not null,
    onset_at bigint not null,
    detail text not null, -- JSON: would, reason, fields with their onset, remove, blast, after
    primary key (fabric_id, seq)
);
