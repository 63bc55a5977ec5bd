-- Removes all that `ours.sql` adds: whatever is named wazo_auth_….

DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname)
            FROM pg_trigger t
            JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT t.tgisinternal AND n.nspname = 'public' AND starts_with(t.tgname, 'wazo_auth_')
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('DROP FUNCTION %s', p.oid::regprocedure)
            FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname, 'wazo_auth_')
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Tables first: some indexes and sequences go with them.
    FOR statement IN
        SELECT format('DROP TABLE public.%I', c.relname) FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            AND starts_with(c.relname, 'wazo_auth_')
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('DROP %s public.%I', CASE c.relkind WHEN 'i' THEN 'INDEX' ELSE 'SEQUENCE' END,
            c.relname)
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('i', 'S')
            AND starts_with(c.relname, 'wazo_auth_')
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
