-- The tables of the original at its revision 1c862ebfbb3a (contract/database.md).
-- Column order is part of the schema. Needs the extension uuid-ossp.

CREATE TABLE alembic_version_auth (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_auth_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version_auth VALUES ('1c862ebfbb3a');

CREATE TABLE auth_tenant (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    name text,
    phone text,
    contact_uuid varchar(38),
    parent_uuid varchar(38) NOT NULL,
    slug varchar(10) NOT NULL,
    default_authentication_method text NOT NULL DEFAULT 'native',
    CONSTRAINT auth_tenant_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_tenant_slug_key UNIQUE (slug),
    CONSTRAINT auth_tenant_parent_uuid_fkey
        FOREIGN KEY (parent_uuid) REFERENCES auth_tenant (uuid)
);
CREATE INDEX auth_tenant__idx__contact_uuid ON auth_tenant (contact_uuid);
CREATE INDEX auth_tenant__idx__parent_uuid ON auth_tenant (parent_uuid);

CREATE TABLE auth_tenant_domain (
    uuid varchar(36) NOT NULL DEFAULT uuid_generate_v4(),
    tenant_uuid varchar(38) NOT NULL,
    name varchar(253) NOT NULL,
    CONSTRAINT auth_tenant_domain_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_tenant_domain_name_key UNIQUE (name),
    CONSTRAINT auth_tenant_domain_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE INDEX auth_tenant_domain__idx__tenant_uuid ON auth_tenant_domain (tenant_uuid);

CREATE SEQUENCE auth_address_id_seq AS integer;
CREATE TABLE auth_address (
    id integer NOT NULL DEFAULT nextval('auth_address_id_seq'),
    line_1 text,
    line_2 text,
    city text,
    state text,
    zip_code text,
    country text,
    tenant_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_address_pkey PRIMARY KEY (id),
    CONSTRAINT auth_address_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE INDEX auth_address__idx__tenant_uuid ON auth_address (tenant_uuid);

CREATE TABLE auth_user (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    username varchar(256),
    password_hash text,
    password_salt bytea,
    firstname text,
    lastname text,
    enabled boolean DEFAULT true,
    tenant_uuid varchar(38) NOT NULL,
    purpose text NOT NULL,
    authentication_method text NOT NULL DEFAULT 'default',
    CONSTRAINT auth_user_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_user_purpose_check CHECK (purpose IN ('user', 'internal', 'external_api')),
    CONSTRAINT auth_user_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX auth_user_username_key ON auth_user (lower(username));
CREATE INDEX auth_user__idx__tenant_uuid ON auth_user (tenant_uuid);

CREATE TABLE auth_email (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    address text NOT NULL,
    confirmed boolean NOT NULL,
    main boolean NOT NULL,
    user_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_email_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_email_user_uuid_fkey
        FOREIGN KEY (user_uuid) REFERENCES auth_user (uuid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX auth_email_address_key ON auth_email (lower(address));
CREATE INDEX auth_email__idx__user_uuid ON auth_email (user_uuid);

CREATE TABLE auth_group (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    name text NOT NULL,
    tenant_uuid varchar(38) NOT NULL,
    system_managed boolean NOT NULL DEFAULT false,
    slug varchar(80) NOT NULL,
    CONSTRAINT auth_group_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_group_name_tenant UNIQUE (name, tenant_uuid),
    CONSTRAINT auth_group_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX auth_group__idx__slug ON auth_group (lower(slug), tenant_uuid);
CREATE INDEX auth_group__idx__tenant_uuid ON auth_group (tenant_uuid);

CREATE TABLE auth_policy (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    name varchar(80) NOT NULL,
    description text,
    tenant_uuid varchar(38) NOT NULL,
    config_managed boolean DEFAULT false,
    slug varchar(80) NOT NULL,
    shared boolean NOT NULL DEFAULT false,
    CONSTRAINT auth_policy_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_policy_name_tenant UNIQUE (name, tenant_uuid),
    CONSTRAINT auth_policy_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX auth_policy__idx__slug ON auth_policy (lower(slug), tenant_uuid);
CREATE INDEX auth_policy__idx__tenant_uuid ON auth_policy (tenant_uuid);

CREATE SEQUENCE auth_acl_template_id_seq AS integer;
CREATE TABLE auth_access (
    id integer NOT NULL DEFAULT nextval('auth_acl_template_id_seq'),
    access text NOT NULL,
    CONSTRAINT auth_access_pkey PRIMARY KEY (id),
    CONSTRAINT auth_access_access UNIQUE (access)
);

CREATE TABLE auth_policy_access (
    policy_uuid varchar(38) NOT NULL,
    access_id integer NOT NULL,
    CONSTRAINT auth_policy_access_pkey PRIMARY KEY (policy_uuid, access_id),
    CONSTRAINT auth_policy_access_policy_uuid_fkey
        FOREIGN KEY (policy_uuid) REFERENCES auth_policy (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_policy_access_access_id_fkey
        FOREIGN KEY (access_id) REFERENCES auth_access (id) ON DELETE CASCADE
);

CREATE TABLE auth_group_policy (
    group_uuid varchar(38) NOT NULL,
    policy_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_group_policy_pkey PRIMARY KEY (group_uuid, policy_uuid),
    CONSTRAINT auth_group_policy_group_uuid_fkey
        FOREIGN KEY (group_uuid) REFERENCES auth_group (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_group_policy_policy_uuid_fkey
        FOREIGN KEY (policy_uuid) REFERENCES auth_policy (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_user_group (
    group_uuid varchar(38) NOT NULL,
    user_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_user_group_pkey PRIMARY KEY (group_uuid, user_uuid),
    CONSTRAINT auth_user_group_group_uuid_fkey
        FOREIGN KEY (group_uuid) REFERENCES auth_group (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_user_group_user_uuid_fkey
        FOREIGN KEY (user_uuid) REFERENCES auth_user (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_user_policy (
    user_uuid varchar(38) NOT NULL,
    policy_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_user_policy_pkey PRIMARY KEY (user_uuid, policy_uuid),
    CONSTRAINT auth_user_policy_user_uuid_fkey
        FOREIGN KEY (user_uuid) REFERENCES auth_user (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_user_policy_policy_uuid_fkey
        FOREIGN KEY (policy_uuid) REFERENCES auth_policy (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_session (
    uuid varchar(36) NOT NULL DEFAULT uuid_generate_v4(),
    mobile boolean NOT NULL,
    tenant_uuid varchar(38) NOT NULL,
    CONSTRAINT auth_session_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_session_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE INDEX auth_session__idx__tenant_uuid ON auth_session (tenant_uuid);

CREATE TABLE auth_refresh_token (
    uuid varchar(36) NOT NULL DEFAULT uuid_generate_v4(),
    client_id text,
    user_uuid varchar(36),
    backend text,
    login text,
    user_agent text,
    remote_addr text,
    created_at timestamp with time zone DEFAULT now(),
    mobile boolean NOT NULL DEFAULT false,
    metadata json NOT NULL DEFAULT '{}',
    CONSTRAINT auth_refresh_token_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_refresh_token_client_id_user_uuid UNIQUE (client_id, user_uuid),
    CONSTRAINT auth_refresh_token_user_uuid_fkey
        FOREIGN KEY (user_uuid) REFERENCES auth_user (uuid) ON DELETE CASCADE
);
CREATE INDEX auth_refresh_token__idx__user_uuid ON auth_refresh_token (user_uuid);

CREATE TABLE auth_token (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    auth_id text NOT NULL,
    pbx_user_uuid varchar(36),
    xivo_uuid varchar(38),
    issued_t integer,
    expire_t integer,
    metadata text,
    session_uuid varchar(36) NOT NULL,
    user_agent text DEFAULT '',
    remote_addr text DEFAULT '',
    acl text[] NOT NULL DEFAULT '{}',
    refresh_token_uuid varchar(36),
    CONSTRAINT auth_token_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_token_session_uuid_fkey
        FOREIGN KEY (session_uuid) REFERENCES auth_session (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_token_refresh_token_uuid_fkey
        FOREIGN KEY (refresh_token_uuid) REFERENCES auth_refresh_token (uuid) ON DELETE SET NULL
);
CREATE INDEX auth_token__idx__session_uuid ON auth_token (session_uuid);

CREATE TABLE auth_external_auth_type (
    uuid varchar(38) NOT NULL DEFAULT uuid_generate_v4(),
    name text NOT NULL,
    enabled boolean,
    CONSTRAINT auth_external_auth_type_pkey PRIMARY KEY (uuid),
    CONSTRAINT auth_external_auth_type_name_key UNIQUE (name)
);

CREATE TABLE auth_external_auth_config (
    type_uuid varchar(36) NOT NULL,
    tenant_uuid varchar(38) NOT NULL,
    data text NOT NULL,
    CONSTRAINT auth_external_auth_config_pkey PRIMARY KEY (type_uuid, tenant_uuid),
    CONSTRAINT auth_external_auth_config_type_uuid_fkey
        FOREIGN KEY (type_uuid) REFERENCES auth_external_auth_type (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_external_auth_config_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);
CREATE INDEX auth_external_auth_config__idx__type_uuid ON auth_external_auth_config (type_uuid);

CREATE TABLE auth_user_external_auth (
    user_uuid varchar(38) NOT NULL,
    external_auth_type_uuid varchar(38) NOT NULL,
    data text NOT NULL,
    CONSTRAINT auth_external_user_type_auth_constraint
        UNIQUE (user_uuid, external_auth_type_uuid),
    CONSTRAINT auth_user_external_auth_user_uuid_fkey
        FOREIGN KEY (user_uuid) REFERENCES auth_user (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_user_external_auth_external_auth_type_uuid_fkey
        FOREIGN KEY (external_auth_type_uuid)
        REFERENCES auth_external_auth_type (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_ldap_config (
    tenant_uuid varchar(38) NOT NULL,
    host varchar(512) NOT NULL,
    port integer NOT NULL,
    protocol_version smallint,
    protocol_security text,
    bind_dn varchar(256),
    bind_password text,
    user_base_dn varchar(256) NOT NULL,
    user_login_attribute varchar(64),
    user_email_attribute varchar(64),
    search_filters text,
    CONSTRAINT auth_ldap_config_pkey PRIMARY KEY (tenant_uuid),
    CONSTRAINT auth_ldap_config_protocol_security_check
        CHECK (protocol_security IN ('ldaps', 'tls')),
    CONSTRAINT auth_ldap_config_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_saml_config (
    tenant_uuid varchar(38) NOT NULL,
    domain_uuid varchar(38) NOT NULL,
    entity_id varchar(512) NOT NULL,
    idp_metadata xml NOT NULL,
    acs_url varchar(512) NOT NULL,
    CONSTRAINT auth_saml_config_pkey PRIMARY KEY (tenant_uuid, domain_uuid),
    CONSTRAINT auth_saml_config_tenant_uuid_fkey
        FOREIGN KEY (tenant_uuid) REFERENCES auth_tenant (uuid) ON DELETE CASCADE,
    CONSTRAINT auth_saml_config_domain_uuid_fkey
        FOREIGN KEY (domain_uuid) REFERENCES auth_tenant_domain (uuid) ON DELETE CASCADE
);

CREATE TABLE auth_saml_session (
    request_id varchar(40) NOT NULL,
    session_id varchar(22) NOT NULL,
    redirect_url varchar(512) NOT NULL,
    domain varchar(512) NOT NULL,
    relay_state varchar(100) NOT NULL,
    login varchar(512),
    start_time timestamp with time zone DEFAULT now(),
    saml_name_id text,
    refresh_token_uuid varchar(36),
    CONSTRAINT auth_saml_session_pkey PRIMARY KEY (request_id, session_id),
    CONSTRAINT auth_saml_session_refresh_token_uuid_fkey
        FOREIGN KEY (refresh_token_uuid) REFERENCES auth_refresh_token (uuid) ON DELETE SET NULL
);

CREATE TABLE auth_saml_pysaml2_cache (
    name_id varchar(512) NOT NULL,
    entity_id varchar(1024) NOT NULL,
    info text NOT NULL,
    not_on_or_after integer NOT NULL,
    CONSTRAINT auth_saml_pysaml2_cache_pkey PRIMARY KEY (name_id, entity_id)
);

ALTER TABLE auth_tenant ADD CONSTRAINT auth_tenant_contact_uuid_fkey
    FOREIGN KEY (contact_uuid) REFERENCES auth_user (uuid) ON DELETE SET NULL;
ALTER SEQUENCE auth_address_id_seq OWNED BY auth_address.id;
ALTER SEQUENCE auth_acl_template_id_seq OWNED BY auth_access.id;
