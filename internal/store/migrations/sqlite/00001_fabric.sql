-- +goose Up
create table fabric (
    id text primary key,
    version integer not null,
    repo text not null, -- the repository's address in a comparable spelling; '' is none
    branch text not null,
    directory text not null,
    settings text not null, -- JSON without any secret
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index fabric_place on fabric (repo, branch, directory) where repo <> '';

-- The key that sealed every row of secret; there is one row at most.
create table keyring (
    one integer primary key check (one = 1),
    key_id text not null
) strict;

create table secret (
    fabric_id text not null references fabric (id) on delete cascade,
    name text not null check (name in ('kubeconfig', 'git.password', 'git.ssh_key', 'git.ssh_key_pass')),
    key_id text not null,
    sealed blob not null,
    primary key (fabric_id, name)
) strict;

create table audit (
    seq integer primary key autoincrement,
    at integer not null,
    who text not null,
    what text not null,
    fabric_id text not null, -- no reference: the record outlives the fabric
    before text not null,
    after text not null
) strict;
create index audit_fabric on audit (fabric_id, seq);
-- +goose StatementBegin
create trigger audit_keeps_rows before delete on audit begin select raise(abort, 'audit is append-only'); end;
-- +goose StatementEnd
-- +goose StatementBegin
create trigger audit_keeps_text before update on audit begin select raise(abort, 'audit is append-only'); end;
-- +goose StatementEnd
