-- +goose Up
create table change (
    run_id text not null references run (id) on delete cascade,
    seq integer not null,
    batch integer not null,
    kind_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    action text not null check (action in ('none', 'create', 'update', 'replace', 'delete', 'adopt', 'forget', 'hold', 'extra')),
    cause text not null,
    tier integer not null,
    detail text not null,    -- JSON: would, reason, fields, remove, blast, after
    want text not null,      -- JSON documents, '' is none
    pre_image text not null,
    base text not null,
    intended_at integer not null,
    done_at integer not null,
    result text not null check (result in ('', 'applied', 'unchanged', 'refused', 'failed', 'unknown')),
    failure text not null,
    live text not null,
    writes integer not null,
    elapsed integer not null,    -- nanoseconds
    undone text not null check (undone in ('', 'undone', 'left')),
    residue text not null,
    reversed_at integer not null,
    primary key (run_id, seq)
) strict;

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
    origin_line integer not null,
    origin_column integer not null,
    origin_document integer not null,
    run_id text not null, -- no reference: the record outlives the run
    at integer not null,
    applied text not null, -- JSON, last: the rest is read without it
    primary key (fabric_id, kind_group, kind, namespace, name)
) strict;
