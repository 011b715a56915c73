-- +goose Up
create table change (
    run_id text not null references run (id) on delete cascade,
    seq bigint not null,
    batch bigint not null,
    kind_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    action text not null check (action in ('none', 'create', 'update', 'replace', 'delete', 'adopt', 'forget', 'hold', 'extra')),
    cause text not null,
    tier bigint not null,
    detail text not null,    -- JSON: would, reason, fields, remove, blast, after
    want text not null,      -- JSON documents, '' is none
    pre_image text not null,
    base text not null,
    intended_at bigint not null,
    done_at bigint not null,
    result text not null check (result in ('', 'applied', 'unchanged', 'refused', 'failed', 'unknown')),
    failure text not null,
    live text not null,
    writes bigint not null,
    elapsed bigint not null,    -- nanoseconds
    undone text not null check (undone in ('', 'undone', 'left')),
    residue text not null,
    reversed_at bigint not null,
    primary key (run_id, seq)
);

create table inventory (
    fabric_id text not null references fabric (id) on delete cascade,
    kind_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    version text not null,
    uid text not null,
    resource_version text not null,
    want_hash text not null,
    commit_id text not null,
    origin_file text not null,
    origin_line bigint not null,
    origin_column bigint not null,
    origin_document bigint not null,
    run_id text not null, -- no reference: the record outlives the run
    at bigint not null,
    applied text not null, -- JSON, last: the rest is read without it
    primary key (fabric_id, kind_group, kind, namespace, name)
);
