-- Ids are UUIDs of version 7 in text, so that primary keys are in the order of creation. Times are microseconds since 1970.
-- display_name_key is display_name folded for search (store.Fold).

-- +goose Up

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    email TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    etag TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX users_by_display_name ON users (display_name_key, id);

CREATE TABLE services (
    id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    etag TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX services_by_display_name ON services (display_name_key, id);

CREATE TABLE ratings (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    service_id TEXT NOT NULL REFERENCES services (id),
    score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 5),
    comment TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    etag TEXT NOT NULL,
    UNIQUE (user_id, service_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ratings_by_user ON ratings (user_id, id);
CREATE INDEX ratings_by_service ON ratings (service_id, id);

-- How many ratings gave a service a score: what averages, counts and distributions are read from. The triggers keep it
-- in the transaction of every change of ratings, whatever statement makes it.
CREATE TABLE score_counts (
    service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    score INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (service_id, score)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER ratings_count_insert AFTER INSERT ON ratings
BEGIN
    INSERT INTO score_counts (service_id, score, count) VALUES (new.service_id, new.score, 1)
    ON CONFLICT (service_id, score) DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER ratings_count_delete AFTER DELETE ON ratings
BEGIN
    UPDATE score_counts SET count = count - 1 WHERE service_id = old.service_id AND score = old.score;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER ratings_count_update AFTER UPDATE OF service_id, score ON ratings
WHEN old.service_id <> new.service_id OR old.score <> new.score
BEGIN
    UPDATE score_counts SET count = count - 1 WHERE service_id = old.service_id AND score = old.score;
    INSERT INTO score_counts (service_id, score, count) VALUES (new.service_id, new.score, 1)
    ON CONFLICT (service_id, score) DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd

-- The commands that were committed, with their answers, for as long as they may run again. With a rowid, for answers can
-- be large.
CREATE TABLE requests (
    id TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    create_time INTEGER NOT NULL
) STRICT;

CREATE INDEX requests_by_create_time ON requests (create_time);
