-- Removes all that `ours.sql` adds: whatever is named wazo_auth_….

DO $$
DECLARE
    statement text;
BEGIN
    -- All of a kind at once: they may depend on each other. Where there are none, there is
    -- no statement.
    FOR statement IN
        SELECT format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname)
            FROM pg_trigger t
            JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT t.tgisinternal AND n.nspname = 'public' AND starts_with(t.tgname, 'wazo_auth_')
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Tables first: their indexes and sequences go with them.
    FOR statement IN
        SELECT 'DROP TABLE ' || string_agg(format('public.%I', c.relname), ', ')
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND starts_with(c.relname, 'wazo_auth_')
            HAVING count(*) > 0
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT 'DROP INDEX ' || string_agg(format('public.%I', c.relname), ', ')
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i'
            AND starts_with(c.relname, 'wazo_auth_')
            HAVING count(*) > 0
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT 'DROP SEQUENCE ' || string_agg(format('public.%I', c.relname), ', ')
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
            AND starts_with(c.relname, 'wazo_auth_')
            HAVING count(*) > 0
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT 'DROP FUNCTION ' || string_agg(p.oid::regprocedure::text, ', ')
            FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname, 'wazo_auth_')
            HAVING count(*) > 0
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
