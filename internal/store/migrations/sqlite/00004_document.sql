-- +goose Up
-- One side of a fabric: what was last read of it, from where, and how much.
create table side (
    fabric_id text not null references fabric (id) on delete cascade,
    side text not null check (side in ('desired', 'draft', 'actual')),
    source text not null,
    as_of integer not null,
    coverage text not null, -- JSON by kind
    primary key (fabric_id, side)
) strict;

create table document (
    fabric_id text not null,
    side text not null,
    kind_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    hash text not null,
    version text not null,
    uid text not null,
    resource_version text not null,
    origin_file text not null,
    origin_line integer not null,
    origin_column integer not null,
    origin_document integer not null,
    object text not null, -- JSON, last: the rest is read without it
    primary key (fabric_id, side, kind_group, kind, namespace, name),
    foreign key (fabric_id, side) references side (fabric_id, side) on delete cascade
) strict;
