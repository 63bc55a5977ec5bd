-- A database of the original at its revision 1c862ebfbb3a as pg_dump writes it, its comments left
-- out. Written after contract/database.md alone, not after the schema that we make. Alice's password
-- is s3cre7, that of Jörg pässwörd.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version_auth (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.auth_access (
    id integer NOT NULL,
    access text NOT NULL
);
CREATE SEQUENCE public.auth_acl_template_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.auth_acl_template_id_seq OWNED BY public.auth_access.id;
CREATE TABLE public.auth_address (
    id integer NOT NULL,
    line_1 text,
    line_2 text,
    city text,
    state text,
    zip_code text,
    country text,
    tenant_uuid character varying(38) NOT NULL
);
CREATE SEQUENCE public.auth_address_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.auth_address_id_seq OWNED BY public.auth_address.id;
CREATE TABLE public.auth_email (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    address text NOT NULL,
    confirmed boolean NOT NULL,
    main boolean NOT NULL,
    user_uuid character varying(38) NOT NULL
);
CREATE TABLE public.auth_external_auth_config (
    type_uuid character varying(36) NOT NULL,
    tenant_uuid character varying(38) NOT NULL,
    data text NOT NULL
);
CREATE TABLE public.auth_external_auth_type (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    name text NOT NULL,
    enabled boolean
);
CREATE TABLE public.auth_group (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    name text NOT NULL,
    tenant_uuid character varying(38) NOT NULL,
    system_managed boolean DEFAULT false NOT NULL,
    slug character varying(80) NOT NULL
);
CREATE TABLE public.auth_group_policy (
    group_uuid character varying(38) NOT NULL,
    policy_uuid character varying(38) NOT NULL
);
CREATE TABLE public.auth_ldap_config (
    tenant_uuid character varying(38) NOT NULL,
    host character varying(512) NOT NULL,
    port integer NOT NULL,
    protocol_version smallint,
    protocol_security text,
    bind_dn character varying(256),
    bind_password text,
    user_base_dn character varying(256) NOT NULL,
    user_login_attribute character varying(64),
    user_email_attribute character varying(64),
    search_filters text,
    CONSTRAINT auth_ldap_config_protocol_security_check CHECK ((protocol_security = ANY (ARRAY['ldaps'::text, 'tls'::text])))
);
CREATE TABLE public.auth_policy (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    name character varying(80) NOT NULL,
    description text,
    tenant_uuid character varying(38) NOT NULL,
    config_managed boolean DEFAULT false,
    slug character varying(80) NOT NULL,
    shared boolean DEFAULT false NOT NULL
);
CREATE TABLE public.auth_policy_access (
    policy_uuid character varying(38) NOT NULL,
    access_id integer NOT NULL
);
CREATE TABLE public.auth_refresh_token (
    uuid character varying(36) DEFAULT public.uuid_generate_v4() NOT NULL,
    client_id text,
    user_uuid character varying(36),
    backend text,
    login text,
    user_agent text,
    remote_addr text,
    created_at timestamp with time zone DEFAULT now(),
    mobile boolean DEFAULT false NOT NULL,
    metadata json DEFAULT '{}'::json NOT NULL
);
CREATE TABLE public.auth_saml_config (
    tenant_uuid character varying(38) NOT NULL,
    domain_uuid character varying(38) NOT NULL,
    entity_id character varying(512) NOT NULL,
    idp_metadata xml NOT NULL,
    acs_url character varying(512) NOT NULL
);
CREATE TABLE public.auth_saml_pysaml2_cache (
    name_id character varying(512) NOT NULL,
    entity_id character varying(1024) NOT NULL,
    info text NOT NULL,
    not_on_or_after integer NOT NULL
);
CREATE TABLE public.auth_saml_session (
    request_id character varying(40) NOT NULL,
    session_id character varying(22) NOT NULL,
    redirect_url character varying(512) NOT NULL,
    domain character varying(512) NOT NULL,
    relay_state character varying(100) NOT NULL,
    login character varying(512),
    start_time timestamp with time zone DEFAULT now(),
    saml_name_id text,
    refresh_token_uuid character varying(36)
);
CREATE TABLE public.auth_session (
    uuid character varying(36) DEFAULT public.uuid_generate_v4() NOT NULL,
    mobile boolean NOT NULL,
    tenant_uuid character varying(38) NOT NULL
);
CREATE TABLE public.auth_tenant (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    name text,
    phone text,
    contact_uuid character varying(38),
    parent_uuid character varying(38) NOT NULL,
    slug character varying(10) NOT NULL,
    default_authentication_method text DEFAULT 'native'::text NOT NULL
);
CREATE TABLE public.auth_tenant_domain (
    uuid character varying(36) DEFAULT public.uuid_generate_v4() NOT NULL,
    tenant_uuid character varying(38) NOT NULL,
    name character varying(253) NOT NULL
);
CREATE TABLE public.auth_token (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    auth_id text NOT NULL,
    pbx_user_uuid character varying(36),
    xivo_uuid character varying(38),
    issued_t integer,
    expire_t integer,
    metadata text,
    session_uuid character varying(36) NOT NULL,
    user_agent text DEFAULT ''::text,
    remote_addr text DEFAULT ''::text,
    acl text[] DEFAULT '{}'::text[] NOT NULL,
    refresh_token_uuid character varying(36)
);
CREATE TABLE public.auth_user (
    uuid character varying(38) DEFAULT public.uuid_generate_v4() NOT NULL,
    username character varying(256),
    password_hash text,
    password_salt bytea,
    firstname text,
    lastname text,
    enabled boolean DEFAULT true,
    tenant_uuid character varying(38) NOT NULL,
    purpose text NOT NULL,
    authentication_method text DEFAULT 'default'::text NOT NULL,
    CONSTRAINT auth_user_purpose_check CHECK ((purpose = ANY (ARRAY['user'::text, 'internal'::text, 'external_api'::text])))
);
CREATE TABLE public.auth_user_external_auth (
    user_uuid character varying(38) NOT NULL,
    external_auth_type_uuid character varying(38) NOT NULL,
    data text NOT NULL
);
CREATE TABLE public.auth_user_group (
    group_uuid character varying(38) NOT NULL,
    user_uuid character varying(38) NOT NULL
);
CREATE TABLE public.auth_user_policy (
    user_uuid character varying(38) NOT NULL,
    policy_uuid character varying(38) NOT NULL
);
ALTER TABLE ONLY public.auth_access ALTER COLUMN id SET DEFAULT nextval('public.auth_acl_template_id_seq'::regclass);
ALTER TABLE ONLY public.auth_address ALTER COLUMN id SET DEFAULT nextval('public.auth_address_id_seq'::regclass);
COPY public.alembic_version_auth (version_num) FROM stdin;
1c862ebfbb3a
\.
COPY public.auth_access (id, access) FROM stdin;
1	#
2	calld.calls.read
3	auth.users.me.#
\.
COPY public.auth_address (id, line_1, line_2, city, state, zip_code, country, tenant_uuid) FROM stdin;
1	1, rue d'Auteuil	\N	Québec	QC	G1R 2B5	Canada	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01
\.
COPY public.auth_email (uuid, address, confirmed, main, user_uuid) FROM stdin;
91b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	Alice@Example.org	t	t	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5
92b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	alice.second@example.org	f	f	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5
\.
COPY public.auth_external_auth_config (type_uuid, tenant_uuid, data) FROM stdin;
71b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	{"fcm_api_key": "k3y"}
\.
COPY public.auth_external_auth_type (uuid, name, enabled) FROM stdin;
71b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	mobile	t
72b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	google	t
73b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	microsoft	t
74b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	acme	\N
\.
COPY public.auth_group (uuid, name, tenant_uuid, system_managed, slug) FROM stdin;
51b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	wazo-all-users-tenant-2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	t	wazo-all-users-tenant-2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50
52b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	wazo-all-users-tenant-7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	t	wazo-all-users-tenant-7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01
53b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	callers	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	f	callers
\.
COPY public.auth_group_policy (group_uuid, policy_uuid) FROM stdin;
53b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	62b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8
\.
COPY public.auth_ldap_config (tenant_uuid, host, port, protocol_version, protocol_security, bind_dn, bind_password, user_base_dn, user_login_attribute, user_email_attribute, search_filters) FROM stdin;
7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	ldap.elan.example	636	3	ldaps	cn=wazo,dc=elan	b1nd	dc=elan	uid	mail	\N
\.
COPY public.auth_policy (uuid, name, description, tenant_uuid, config_managed, slug, shared) FROM stdin;
61b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	wazo_default_master_user_policy	\N	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	f	wazo_default_master_user_policy	f
62b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	calls	Everything about calls	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	\N	calls	t
\.
COPY public.auth_policy_access (policy_uuid, access_id) FROM stdin;
61b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	1
62b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	2
62b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	3
\.
COPY public.auth_refresh_token (uuid, client_id, user_uuid, backend, login, user_agent, remote_addr, created_at, mobile, metadata) FROM stdin;
11f0c2d3-e4f5-4061-8273-94a5b6c7d8e9	desktop	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	wazo_user	Alice	curl/8.0	127.0.0.1	2025-10-01 12:34:56.789012+00	f	{"note":  "two spaces"}
22f0c2d3-e4f5-4061-8273-94a5b6c7d8e9	phone	c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6	wazo_user	jörg	\N	\N	2026-01-02 03:04:05+00	t	{}
\.
COPY public.auth_saml_config (tenant_uuid, domain_uuid, entity_id, idp_metadata, acs_url) FROM stdin;
7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	81b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	https://elan.example/sp	<EntityDescriptor entityID="https://idp.elan.example"><a>&amp;é</a></EntityDescriptor>	https://elan.example/acs
\.
COPY public.auth_saml_pysaml2_cache (name_id, entity_id, info, not_on_or_after) FROM stdin;
4=a	https://idp.elan.example	{"ava": {}}	2100000000
\.
COPY public.auth_saml_session (request_id, session_id, redirect_url, domain, relay_state, login, start_time, saml_name_id, refresh_token_uuid) FROM stdin;
id-1	sess-1	https://elan.example/	elan.example	relay	jörg	2026-01-02 03:04:05.5+00	name	22f0c2d3-e4f5-4061-8273-94a5b6c7d8e9
\.
COPY public.auth_session (uuid, mobile, tenant_uuid) FROM stdin;
31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	f	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50
32a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	t	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01
33a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	f	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50
\.
COPY public.auth_tenant (uuid, name, phone, contact_uuid, parent_uuid, slug, default_authentication_method) FROM stdin;
2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	master	\N	\N	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	master	native
7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	Élan & Söhne	555-0199	c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	elan	native
\.
COPY public.auth_tenant_domain (uuid, tenant_uuid, name) FROM stdin;
81b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	elan.example
\.
COPY public.auth_token (uuid, auth_id, pbx_user_uuid, xivo_uuid, issued_t, expire_t, metadata, session_uuid, user_agent, remote_addr, acl, refresh_token_uuid) FROM stdin;
41b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	\N	1760000000	2100000000	{"uuid": "b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5", "tenant_uuid": "2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50", "auth_id": "b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5", "pbx_user_uuid": "b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5", "purpose": "user", "admin": false}	31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	curl/8.0	127.0.0.1	{calld.calls.read,auth.users.me.#}	11f0c2d3-e4f5-4061-8273-94a5b6c7d8e9
42b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6	c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6	2f8c5d11-0a1b-4c2d-8e3f-405162738495	1760000001	2100000001	{"uuid": "c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6", "tenant_uuid": "7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01", "auth_id": "c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6", "pbx_user_uuid": "c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6", "purpose": "user", "admin": false}	32a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	\N	\N	{}	22f0c2d3-e4f5-4061-8273-94a5b6c7d8e9
43b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	wazo-auth	\N	\N	1760000002	\N	{"tenant_uuid": "2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50"}	33a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8	wazo-auth-internal	127.0.0.1	{"a,\\"b\\\\c"}	\N
\.
COPY public.auth_user (uuid, username, password_hash, password_salt, firstname, lastname, enabled, tenant_uuid, purpose, authentication_method) FROM stdin;
b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	Alice	878c7e9b145d950562fa716062f1afaf5103ec93eea153064c663398b1b4526c5a617187b34e5bf02588eb56e833b1d2b3a30d330839844a6cc24c95315806ff	\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f	Alice	O'Brien\ttab	t	2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50	user	default
c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6	jörg	4710d8ebf91a75bab50e2c6c37ab4b0ff23ea6f5f8d1421a79ff11c38db1c1eb232fdc8fe73ba0c408c24dd3964b0b0db1bd5845cf7c558a7d9718f2dfa57c5c	\\x00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000	Jörg	\N	t	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	user	native
d5e3b8d4-6c70-4f81-8d9c-b2c3d4e5f607	\N	\N	\N	nobody\\back	\N	\N	7c4d8a90-13f5-4e2b-8c6d-5a6b7c8d9e01	external_api	default
\.
COPY public.auth_user_external_auth (user_uuid, external_auth_type_uuid, data) FROM stdin;
b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	71b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	{"token": "abc", "apns_token": null}
\.
COPY public.auth_user_group (group_uuid, user_uuid) FROM stdin;
51b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5
52b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	c4d2a7c3-5b6f-4e70-9c8b-a1b2c3d4e5f6
52b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	d5e3b8d4-6c70-4f81-8d9c-b2c3d4e5f607
53b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8	b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5
\.
COPY public.auth_user_policy (user_uuid, policy_uuid) FROM stdin;
b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5	61b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8
\.
SELECT pg_catalog.setval('public.auth_acl_template_id_seq', 3, true);
SELECT pg_catalog.setval('public.auth_address_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version_auth
    ADD CONSTRAINT alembic_version_auth_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.auth_access
    ADD CONSTRAINT auth_access_access UNIQUE (access);
ALTER TABLE ONLY public.auth_access
    ADD CONSTRAINT auth_access_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.auth_address
    ADD CONSTRAINT auth_address_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.auth_email
    ADD CONSTRAINT auth_email_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_external_auth_config
    ADD CONSTRAINT auth_external_auth_config_pkey PRIMARY KEY (type_uuid, tenant_uuid);
ALTER TABLE ONLY public.auth_external_auth_type
    ADD CONSTRAINT auth_external_auth_type_name_key UNIQUE (name);
ALTER TABLE ONLY public.auth_external_auth_type
    ADD CONSTRAINT auth_external_auth_type_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_user_external_auth
    ADD CONSTRAINT auth_external_user_type_auth_constraint UNIQUE (user_uuid, external_auth_type_uuid);
ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_tenant UNIQUE (name, tenant_uuid);
ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_group_policy
    ADD CONSTRAINT auth_group_policy_pkey PRIMARY KEY (group_uuid, policy_uuid);
ALTER TABLE ONLY public.auth_ldap_config
    ADD CONSTRAINT auth_ldap_config_pkey PRIMARY KEY (tenant_uuid);
ALTER TABLE ONLY public.auth_policy_access
    ADD CONSTRAINT auth_policy_access_pkey PRIMARY KEY (policy_uuid, access_id);
ALTER TABLE ONLY public.auth_policy
    ADD CONSTRAINT auth_policy_name_tenant UNIQUE (name, tenant_uuid);
ALTER TABLE ONLY public.auth_policy
    ADD CONSTRAINT auth_policy_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_refresh_token
    ADD CONSTRAINT auth_refresh_token_client_id_user_uuid UNIQUE (client_id, user_uuid);
ALTER TABLE ONLY public.auth_refresh_token
    ADD CONSTRAINT auth_refresh_token_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_saml_config
    ADD CONSTRAINT auth_saml_config_pkey PRIMARY KEY (tenant_uuid, domain_uuid);
ALTER TABLE ONLY public.auth_saml_pysaml2_cache
    ADD CONSTRAINT auth_saml_pysaml2_cache_pkey PRIMARY KEY (name_id, entity_id);
ALTER TABLE ONLY public.auth_saml_session
    ADD CONSTRAINT auth_saml_session_pkey PRIMARY KEY (request_id, session_id);
ALTER TABLE ONLY public.auth_session
    ADD CONSTRAINT auth_session_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_tenant_domain
    ADD CONSTRAINT auth_tenant_domain_name_key UNIQUE (name);
ALTER TABLE ONLY public.auth_tenant_domain
    ADD CONSTRAINT auth_tenant_domain_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_tenant
    ADD CONSTRAINT auth_tenant_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_tenant
    ADD CONSTRAINT auth_tenant_slug_key UNIQUE (slug);
ALTER TABLE ONLY public.auth_token
    ADD CONSTRAINT auth_token_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_user_group
    ADD CONSTRAINT auth_user_group_pkey PRIMARY KEY (group_uuid, user_uuid);
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.auth_user_policy
    ADD CONSTRAINT auth_user_policy_pkey PRIMARY KEY (user_uuid, policy_uuid);
CREATE INDEX auth_address__idx__tenant_uuid ON public.auth_address USING btree (tenant_uuid);
CREATE INDEX auth_email__idx__user_uuid ON public.auth_email USING btree (user_uuid);
CREATE UNIQUE INDEX auth_email_address_key ON public.auth_email USING btree (lower(address));
CREATE INDEX auth_external_auth_config__idx__type_uuid ON public.auth_external_auth_config USING btree (type_uuid);
CREATE UNIQUE INDEX auth_group__idx__slug ON public.auth_group USING btree (lower((slug)::text), tenant_uuid);
CREATE INDEX auth_group__idx__tenant_uuid ON public.auth_group USING btree (tenant_uuid);
CREATE UNIQUE INDEX auth_policy__idx__slug ON public.auth_policy USING btree (lower((slug)::text), tenant_uuid);
CREATE INDEX auth_policy__idx__tenant_uuid ON public.auth_policy USING btree (tenant_uuid);
CREATE INDEX auth_refresh_token__idx__user_uuid ON public.auth_refresh_token USING btree (user_uuid);
CREATE INDEX auth_session__idx__tenant_uuid ON public.auth_session USING btree (tenant_uuid);
CREATE INDEX auth_tenant__idx__contact_uuid ON public.auth_tenant USING btree (contact_uuid);
CREATE INDEX auth_tenant__idx__parent_uuid ON public.auth_tenant USING btree (parent_uuid);
CREATE INDEX auth_tenant_domain__idx__tenant_uuid ON public.auth_tenant_domain USING btree (tenant_uuid);
CREATE INDEX auth_token__idx__session_uuid ON public.auth_token USING btree (session_uuid);
CREATE INDEX auth_user__idx__tenant_uuid ON public.auth_user USING btree (tenant_uuid);
CREATE UNIQUE INDEX auth_user_username_key ON public.auth_user USING btree (lower((username)::text));
ALTER TABLE ONLY public.auth_address
    ADD CONSTRAINT auth_address_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_email
    ADD CONSTRAINT auth_email_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.auth_user(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_external_auth_config
    ADD CONSTRAINT auth_external_auth_config_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_external_auth_config
    ADD CONSTRAINT auth_external_auth_config_type_uuid_fkey FOREIGN KEY (type_uuid) REFERENCES public.auth_external_auth_type(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_group_policy
    ADD CONSTRAINT auth_group_policy_group_uuid_fkey FOREIGN KEY (group_uuid) REFERENCES public.auth_group(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_group_policy
    ADD CONSTRAINT auth_group_policy_policy_uuid_fkey FOREIGN KEY (policy_uuid) REFERENCES public.auth_policy(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_ldap_config
    ADD CONSTRAINT auth_ldap_config_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_policy_access
    ADD CONSTRAINT auth_policy_access_access_id_fkey FOREIGN KEY (access_id) REFERENCES public.auth_access(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_policy_access
    ADD CONSTRAINT auth_policy_access_policy_uuid_fkey FOREIGN KEY (policy_uuid) REFERENCES public.auth_policy(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_policy
    ADD CONSTRAINT auth_policy_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_refresh_token
    ADD CONSTRAINT auth_refresh_token_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.auth_user(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_saml_config
    ADD CONSTRAINT auth_saml_config_domain_uuid_fkey FOREIGN KEY (domain_uuid) REFERENCES public.auth_tenant_domain(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_saml_config
    ADD CONSTRAINT auth_saml_config_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_saml_session
    ADD CONSTRAINT auth_saml_session_refresh_token_uuid_fkey FOREIGN KEY (refresh_token_uuid) REFERENCES public.auth_refresh_token(uuid) ON DELETE SET NULL;
ALTER TABLE ONLY public.auth_session
    ADD CONSTRAINT auth_session_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_tenant
    ADD CONSTRAINT auth_tenant_contact_uuid_fkey FOREIGN KEY (contact_uuid) REFERENCES public.auth_user(uuid) ON DELETE SET NULL;
ALTER TABLE ONLY public.auth_tenant_domain
    ADD CONSTRAINT auth_tenant_domain_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_tenant
    ADD CONSTRAINT auth_tenant_parent_uuid_fkey FOREIGN KEY (parent_uuid) REFERENCES public.auth_tenant(uuid);
ALTER TABLE ONLY public.auth_token
    ADD CONSTRAINT auth_token_refresh_token_uuid_fkey FOREIGN KEY (refresh_token_uuid) REFERENCES public.auth_refresh_token(uuid) ON DELETE SET NULL;
ALTER TABLE ONLY public.auth_token
    ADD CONSTRAINT auth_token_session_uuid_fkey FOREIGN KEY (session_uuid) REFERENCES public.auth_session(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_external_auth
    ADD CONSTRAINT auth_user_external_auth_external_auth_type_uuid_fkey FOREIGN KEY (external_auth_type_uuid) REFERENCES public.auth_external_auth_type(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_external_auth
    ADD CONSTRAINT auth_user_external_auth_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.auth_user(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_group
    ADD CONSTRAINT auth_user_group_group_uuid_fkey FOREIGN KEY (group_uuid) REFERENCES public.auth_group(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_group
    ADD CONSTRAINT auth_user_group_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.auth_user(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_policy
    ADD CONSTRAINT auth_user_policy_policy_uuid_fkey FOREIGN KEY (policy_uuid) REFERENCES public.auth_policy(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user_policy
    ADD CONSTRAINT auth_user_policy_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.auth_user(uuid) ON DELETE CASCADE;
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_tenant_uuid_fkey FOREIGN KEY (tenant_uuid) REFERENCES public.auth_tenant(uuid) ON DELETE CASCADE;
