-- Version 2 of what is ours: of several daemons, none tells of the end of something
-- before another one has told of its beginning.

-- What the event is about: the order of the events of one subject is kept.
ALTER TABLE wazo_auth_event ADD COLUMN subject text;
CREATE INDEX wazo_auth__idx__event__subject ON wazo_auth_event (subject);

-- Whether another daemon keeps an event of that subject, which then goes first. By the
-- index, whatever the server believes of a table that is mostly empty.
CREATE FUNCTION wazo_auth_goes_after_another(of text, own text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.wazo_auth_event WHERE subject = of AND daemon <> own);
END $$;
