-- +goose Up
create table run (
    id text primary key,
    fabric_id text not null references fabric (id) on delete cascade,
    kind text not null,
    def_version bigint not null,
    status text not null check (status in ('pending', 'running', 'compensating', 'completed', 'partial', 'failed', 'compensated', 'compensation_failed', 'cancelled')),
    reason text not null,
    requested_by text not null,
    params text not null,
    commit_id text not null,
    plan_id text not null,
    planned bigint not null default 0 check (planned in (0, 1)),
    batch bigint not null,
    batches bigint not null,
    done bigint not null,
    total bigint not null,
    failure text not null, -- JSON, '' is none
    created_at bigint not null,
    started_at bigint not null,
    ended_at bigint not null,
    cancel_requested_at bigint not null,
    holder text not null,
    lease_until bigint not null,
    attempt bigint not null
);
-- One writer per fabric: this index is what guarantees it.
create unique index run_live on run (fabric_id) where status in ('pending', 'running', 'compensating');
create index run_fabric on run (fabric_id, id);

create table step (
    run_id text not null references run (id) on delete cascade,
    seq bigint not null,
    name text not null,
    dir text not null check (dir in ('do', 'undo')),
    try bigint not null,
    status text not null check (status in ('pending', 'running', 'completed', 'failed', 'compensated', 'compensation_failed')),
    output text not null,
    failure text not null,
    started_at bigint not null,
    done_at bigint not null,
    primary key (run_id, name, dir)
);
