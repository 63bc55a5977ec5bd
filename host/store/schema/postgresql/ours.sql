-- What we add to the tables of the original. Every name begins with wazo_auth_, and
-- `wazo-auth db detach` removes all of it. Nothing here changes what the original
-- reads and writes.

CREATE TABLE wazo_auth_version (
    version integer NOT NULL PRIMARY KEY,
    applied_at text NOT NULL
);

-- Events that the bus has not confirmed yet. A row is written by the transaction
-- that it tells of, and deleted once the broker has it.
CREATE TABLE wazo_auth_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the run of the daemon that publishes it
    daemon varchar(36) NOT NULL,
    -- epoch seconds
    created_at bigint NOT NULL,
    routing_key text NOT NULL,
    -- JSON: the headers, and the payload under "data"
    body text NOT NULL
);

-- How many transactions have changed something. Each session counts in a row of few,
-- so that transactions seldom wait for each other; what counts is the sum, as a
-- snapshot sees it.
CREATE TABLE wazo_auth_change (
    slot integer NOT NULL PRIMARY KEY,
    -- of anything but tokens, sessions and refresh tokens
    directory bigint NOT NULL DEFAULT 0,
    -- of refresh tokens that there were
    refresh_tokens bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO wazo_auth_change (slot) SELECT generate_series(0, 15);

CREATE INDEX wazo_auth__idx__token__auth_id ON auth_token (auth_id, session_uuid);
CREATE INDEX wazo_auth__idx__token__expire_t ON auth_token (expire_t);
CREATE INDEX wazo_auth__idx__token__refresh_token_uuid
    ON auth_token (refresh_token_uuid) WHERE refresh_token_uuid IS NOT NULL;
CREATE INDEX wazo_auth__idx__refresh_token__created_at ON auth_refresh_token (created_at);
CREATE INDEX wazo_auth__idx__user_group__user_uuid ON auth_user_group (user_uuid);
CREATE INDEX wazo_auth__idx__group_policy__policy_uuid ON auth_group_policy (policy_uuid);
CREATE INDEX wazo_auth__idx__user_policy__policy_uuid ON auth_user_policy (policy_uuid);
CREATE INDEX wazo_auth__idx__policy_access__access_id ON auth_policy_access (access_id);
CREATE INDEX wazo_auth__idx__policy__name ON auth_policy (name);
CREATE INDEX wazo_auth__idx__external_auth_config__tenant_uuid
    ON auth_external_auth_config (tenant_uuid);
CREATE INDEX wazo_auth__idx__user_external_auth__type_uuid
    ON auth_user_external_auth (external_auth_type_uuid);
CREATE INDEX wazo_auth__idx__saml_config__domain_uuid ON auth_saml_config (domain_uuid);
CREATE INDEX wazo_auth__idx__saml_session__refresh_token_uuid
    ON auth_saml_session (refresh_token_uuid) WHERE refresh_token_uuid IS NOT NULL;

-- The order of the list of users, which is asked for by the page.
CREATE INDEX wazo_auth__idx__user__username ON auth_user (tenant_uuid, username, uuid);

-- Counts a transaction, once.
CREATE FUNCTION wazo_auth_count_directory() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('wazo_auth.counted', true) IS DISTINCT FROM txid_current()::text THEN
        UPDATE public.wazo_auth_change SET directory = directory + 1
            WHERE slot = pg_backend_pid() % 16;
        PERFORM set_config('wazo_auth.counted', txid_current()::text, true);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION wazo_auth_count_refresh_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('wazo_auth.refresh_tokens', true) IS DISTINCT FROM txid_current()::text THEN
        UPDATE public.wazo_auth_change SET refresh_tokens = refresh_tokens + 1
            WHERE slot = pg_backend_pid() % 16;
        PERFORM set_config('wazo_auth.refresh_tokens', txid_current()::text, true);
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    counted text;
BEGIN
    FOREACH counted IN ARRAY ARRAY['auth_tenant', 'auth_tenant_domain', 'auth_address', 'auth_user',
        'auth_email', 'auth_group', 'auth_policy', 'auth_access', 'auth_policy_access',
        'auth_group_policy', 'auth_user_group', 'auth_user_policy', 'auth_external_auth_type',
        'auth_external_auth_config', 'auth_user_external_auth', 'auth_ldap_config',
        'auth_saml_config']
    LOOP
        EXECUTE format('CREATE TRIGGER wazo_auth__count AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE '
            'ON %I FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_count_directory()', counted);
    END LOOP;
END $$;

CREATE TRIGGER wazo_auth__count AFTER UPDATE OR DELETE OR TRUNCATE ON auth_refresh_token
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_count_refresh_tokens();

-- Tells all daemons, at the commit, what they may remember no longer. Beyond so many
-- rows: everything.
CREATE FUNCTION wazo_auth_tell(kind text, items text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF cardinality(items) > 2000 THEN
        PERFORM pg_notify('wazo_auth', 'all');
        RETURN;
    END IF;
    FOR start IN 1 .. coalesce(cardinality(items), 0) BY 90 LOOP
        PERFORM pg_notify('wazo_auth',
            kind || ' ' || array_to_string(items[start : start + 89], ','));
    END LOOP;
END $$;

CREATE FUNCTION wazo_auth_tell_all() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_notify('wazo_auth', 'all');
    RETURN NULL;
END $$;

-- Tokens that are gone. Of those that had expired there is nothing to tell.
CREATE FUNCTION wazo_auth_tell_tokens() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('token', array_agg(uuid)) FROM gone
        WHERE expire_t IS NULL OR expire_t >= extract(epoch FROM now()) - 300;
    RETURN NULL;
END $$;

-- Tokens that are not any more what they were.
CREATE FUNCTION wazo_auth_tell_changed_tokens() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('token', array_agg(was.uuid))
        FROM was LEFT JOIN became ON became.uuid = was.uuid
        WHERE (was.auth_id, was.session_uuid, was.expire_t, was.metadata, was.acl)
            IS DISTINCT FROM
            (became.auth_id, became.session_uuid, became.expire_t, became.metadata, became.acl);
    RETURN NULL;
END $$;

CREATE FUNCTION wazo_auth_tell_users() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('user', array_agg(uuid)) FROM gone;
    RETURN NULL;
END $$;

CREATE FUNCTION wazo_auth_tell_moved_users() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('user', array_agg(was.uuid))
        FROM was LEFT JOIN became ON became.uuid = was.uuid
        WHERE was.tenant_uuid IS DISTINCT FROM became.tenant_uuid;
    RETURN NULL;
END $$;

-- Of what a transaction tells twice, the server sends the first only: the time makes
-- each of these different, or a tenant that moves there and back would stay there.
CREATE FUNCTION wazo_auth_tell_tenants() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('tenant',
        array_append(array_agg(uuid || '='), clock_timestamp()::text)) FROM gone;
    RETURN NULL;
END $$;

-- New tenants, and moved ones.
CREATE FUNCTION wazo_auth_tell_parents() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.wazo_auth_tell('tenant',
        array_append(array_agg(uuid || '=' || parent_uuid), clock_timestamp()::text)) FROM became;
    RETURN NULL;
END $$;

CREATE TRIGGER wazo_auth__tell_delete AFTER DELETE ON auth_token
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_tokens();
CREATE TRIGGER wazo_auth__tell_update AFTER UPDATE ON auth_token
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_changed_tokens();
CREATE TRIGGER wazo_auth__tell_truncate AFTER TRUNCATE ON auth_token
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_all();

CREATE TRIGGER wazo_auth__tell_delete AFTER DELETE ON auth_user
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_users();
CREATE TRIGGER wazo_auth__tell_update AFTER UPDATE ON auth_user
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_moved_users();
CREATE TRIGGER wazo_auth__tell_truncate AFTER TRUNCATE ON auth_user
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_all();

CREATE TRIGGER wazo_auth__tell_delete AFTER DELETE ON auth_tenant
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_tenants();
CREATE TRIGGER wazo_auth__tell_insert AFTER INSERT ON auth_tenant
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_parents();
CREATE TRIGGER wazo_auth__tell_update AFTER UPDATE ON auth_tenant
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_parents();
CREATE TRIGGER wazo_auth__tell_truncate AFTER TRUNCATE ON auth_tenant
    FOR EACH STATEMENT EXECUTE FUNCTION wazo_auth_tell_all();
