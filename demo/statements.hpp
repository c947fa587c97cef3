// All SQL of the demo. Values are bound, never part of a text.
#pragma once

namespace signup_demo::statements {

// A schema of its own: the database may be somebody's real one. Nothing is ever dropped.
inline constexpr const char* create[] = {
    "CREATE SCHEMA IF NOT EXISTS signup_demo",

    // The two columns of the page are two applications, with users of their own.
    "CREATE TABLE IF NOT EXISTS signup_demo.users ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " application text NOT NULL,"
    " email text NOT NULL,"
    " password_hash text NOT NULL,"
    " email_verified timestamptz,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " updated_at timestamptz NOT NULL DEFAULT now())",

    "CREATE UNIQUE INDEX IF NOT EXISTS users_application_email"
    " ON signup_demo.users (application, lower(email))",

    "CREATE TABLE IF NOT EXISTS signup_demo.sessions ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL REFERENCES signup_demo.users ON DELETE CASCADE,"
    " token_digest bytea NOT NULL UNIQUE,"
    " expires timestamptz NOT NULL)",

    "CREATE INDEX IF NOT EXISTS sessions_user ON signup_demo.sessions (user_id)",
};

// $1 application, $2 email, $3 password's hash, $4 token's digest in hexadecimal.
// One statement, so user and session come into being together or not at all; no row
// where the address is taken. Times as in 2025-12-21T19:58:41.194565, UTC.
inline constexpr const char* sign_up =
    "WITH new_user AS ("
    " INSERT INTO signup_demo.users (application, email, password_hash)"
    " VALUES ($1, $2, $3)"
    " ON CONFLICT (application, lower(email)) DO NOTHING"
    " RETURNING id, email, created_at, updated_at),"
    " new_session AS ("
    " INSERT INTO signup_demo.sessions (user_id, token_digest, expires)"
    " SELECT id, decode($4, 'hex'), now() + interval '1 day' FROM new_user"
    " RETURNING id, user_id, expires)"
    " SELECT u.id, u.email,"
    " to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'),"
    " to_char(u.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'),"
    " s.id, s.user_id,"
    " to_char(s.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    " FROM new_user u, new_session s";

}  // namespace signup_demo::statements
