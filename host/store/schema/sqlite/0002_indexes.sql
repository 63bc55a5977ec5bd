-- Indexes of ours: look-ups that the original does by scanning, and the child
-- side of its foreign keys, which a deletion of the parent has to find.

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
