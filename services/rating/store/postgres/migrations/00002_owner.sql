-- Whose a user or a service is; NULL for nobody's, as are those from before there were owners, and those that the release before
-- creates.

-- +goose Up

ALTER TABLE users ADD COLUMN owner TEXT;
CREATE UNIQUE INDEX users_by_owner ON users (owner) WHERE owner IS NOT NULL;

ALTER TABLE services ADD COLUMN owner TEXT;
