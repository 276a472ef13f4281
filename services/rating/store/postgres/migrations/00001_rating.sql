-- Ids are UUIDs of version 7, so that primary keys are in the order of creation. display_name_key is display_name folded for
-- search (store.Fold), in the order of code points.

-- +goose Up

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_key TEXT COLLATE "C" NOT NULL,
    email TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    etag TEXT NOT NULL
);

CREATE INDEX users_by_display_name ON users (display_name_key, id);

CREATE TABLE services (
    id UUID NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_key TEXT COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    etag TEXT NOT NULL
);

CREATE INDEX services_by_display_name ON services (display_name_key, id);

CREATE TABLE ratings (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    service_id UUID NOT NULL REFERENCES services (id),
    score SMALLINT NOT NULL CHECK (score BETWEEN 0 AND 5),
    comment TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    etag TEXT NOT NULL,
    UNIQUE (user_id, service_id)
);

CREATE INDEX ratings_by_user ON ratings (user_id, id);
CREATE INDEX ratings_by_service ON ratings (service_id, id);

-- How many ratings gave a service each score: what averages, counts and distributions are read from. The triggers keep it
-- in the transaction of every change of ratings, whatever statement makes it. It is a table of its own, so that those who
-- rate a service and those who change its text do not wait for each other; and one row for each service, made with it, so
-- that there is one lock to take. The free half of each page lets a row be updated in place.
CREATE TABLE score_counts (
    service_id UUID NOT NULL PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    count_0 BIGINT NOT NULL DEFAULT 0 CHECK (count_0 >= 0),
    count_1 BIGINT NOT NULL DEFAULT 0 CHECK (count_1 >= 0),
    count_2 BIGINT NOT NULL DEFAULT 0 CHECK (count_2 >= 0),
    count_3 BIGINT NOT NULL DEFAULT 0 CHECK (count_3 >= 0),
    count_4 BIGINT NOT NULL DEFAULT 0 CHECK (count_4 >= 0),
    count_5 BIGINT NOT NULL DEFAULT 0 CHECK (count_5 >= 0)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION create_score_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO score_counts (service_id) VALUES (new.id);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER services_count_insert AFTER INSERT ON services
FOR EACH ROW EXECUTE FUNCTION create_score_counts();

-- Adds amount for each score to the counts of its service. It locks the rows in the order of the services first: two
-- transactions that change several never wait for each other.
-- +goose StatementBegin
CREATE FUNCTION add_scores(services UUID[], scores SMALLINT[], amount BIGINT) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM score_counts WHERE service_id = ANY (services) ORDER BY service_id FOR NO KEY UPDATE;
    UPDATE score_counts AS c SET
        count_0 = c.count_0 + amount * given.count_0,
        count_1 = c.count_1 + amount * given.count_1,
        count_2 = c.count_2 + amount * given.count_2,
        count_3 = c.count_3 + amount * given.count_3,
        count_4 = c.count_4 + amount * given.count_4,
        count_5 = c.count_5 + amount * given.count_5
    FROM (
        SELECT service_id,
            count(*) FILTER (WHERE score = 0) AS count_0,
            count(*) FILTER (WHERE score = 1) AS count_1,
            count(*) FILTER (WHERE score = 2) AS count_2,
            count(*) FILTER (WHERE score = 3) AS count_3,
            count(*) FILTER (WHERE score = 4) AS count_4,
            count(*) FILTER (WHERE score = 5) AS count_5
        FROM unnest(services, scores) AS score (service_id, score)
        GROUP BY service_id
    ) AS given
    WHERE c.service_id = given.service_id;
END
$$;
-- +goose StatementEnd

-- The triggers run once for a statement, so that a batch of ratings changes the row of a service once.
-- +goose StatementBegin
CREATE FUNCTION count_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM add_scores(array_agg(service_id), array_agg(score), 1) FROM added;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM add_scores(array_agg(service_id), array_agg(score), -1) FROM removed;
    ELSIF EXISTS (SELECT 1 FROM added JOIN removed USING (id)
            WHERE added.score <> removed.score OR added.service_id <> removed.service_id) THEN
        PERFORM add_scores(array_agg(service_id), array_agg(score), 1) FROM added;
        PERFORM add_scores(array_agg(service_id), array_agg(score), -1) FROM removed;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER ratings_count_insert AFTER INSERT ON ratings
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_scores();

CREATE TRIGGER ratings_count_update AFTER UPDATE ON ratings
REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_scores();

CREATE TRIGGER ratings_count_delete AFTER DELETE ON ratings
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_scores();

-- The commands that were committed, with their answers, for as long as they may run again.
CREATE TABLE requests (
    id TEXT NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    create_time BIGINT NOT NULL
);

CREATE INDEX requests_by_create_time ON requests (create_time);
