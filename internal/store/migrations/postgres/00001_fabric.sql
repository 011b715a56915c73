-- +goose Up
create table fabric (
    id text primary key,
    version bigint not null,
    repo text not null, -- the repository's address in a comparable spelling; '' is none
    branch text not null,
    directory text not null,
    settings text not null, -- JSON without any secret
    created_at bigint not null,
    updated_at bigint not null
);
create unique index fabric_place on fabric (repo, branch, directory) where repo <> '';

-- The key that sealed every row of secret; there is one row at most.
create table keyring (
    one bigint primary key check (one = 1),
    key_id text not null
);

create table secret (
    fabric_id text not null references fabric (id) on delete cascade,
    name text not null check (name in ('kubeconfig', 'git.password', 'git.ssh_key', 'git.ssh_key_pass')),
    key_id text not null,
    sealed bytea not null,
    primary key (fabric_id, name)
);

create table audit (
    seq bigint generated always as identity primary key,
    at bigint not null,
    who text not null,
    what text not null,
    fabric_id text not null, -- no reference: the record outlives the fabric
    before text not null,
    after text not null
);
create index audit_fabric on audit (fabric_id, seq);
-- +goose StatementBegin
create function audit_refuses() returns trigger language plpgsql as $$ begin raise exception 'audit is append-only'; end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create trigger audit_keeps before update or delete or truncate on audit for each statement execute function audit_refuses();
-- +goose StatementEnd
