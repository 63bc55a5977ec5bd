-- Events that the bus has not confirmed yet (design: outbox). A row is written
-- by the transaction that it tells of, and deleted once the broker has it.
-- Its number is never given twice: what is deleted late cannot be another event.

CREATE TABLE wazo_auth_event (
    id integer PRIMARY KEY AUTOINCREMENT,
    -- The run of the daemon that publishes it.
    daemon varchar(36) NOT NULL,
    -- Epoch seconds.
    created_at integer NOT NULL,
    routing_key text NOT NULL,
    -- JSON: the headers, and the payload under `data`.
    body text NOT NULL
);
