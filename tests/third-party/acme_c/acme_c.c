/* The backend acme_c: users and passwords from the configuration, as plugins: {acme_c: {config:
 * {users: {wile: coyote-1949}}}}. And the HTTP plugin acme_platform, which tells the platform's
 * identifier at GET /acme/platform. */
#include "json.h"

#include <stdio.h>

#define TEXT(literal) ((wazo_auth_bytes){literal, sizeof(literal) - 1})

typedef enum acme_kind { BACKEND, HTTP } acme_kind;

typedef struct acme {
    acme_kind kind;
    const wazo_auth_host *host;
    /* The object of logins and passwords, as it is written in the configuration. */
    char *users;
    size_t users_length;
} acme;

/* Answers with a copy, which acme_free_reply frees. */
static void answer(wazo_auth_reply *reply, wazo_auth_bytes head, wazo_auth_bytes body) {
    char *copy = (char *)malloc(head.length + body.length + 1);
    if (!copy) {
        reply->failed = 1;
        reply->kind = WAZO_AUTH_BUSY;
        reply->head = TEXT("there is no memory left");
        return;
    }
    memcpy(copy, head.data, head.length);
    if (body.length) memcpy(copy + head.length, body.data, body.length);
    reply->head = (wazo_auth_bytes){copy, head.length};
    reply->body = (wazo_auth_bytes){copy + head.length, body.length};
    reply->owner = copy;
}

/* Fails with a sentence. */
static void fail(wazo_auth_reply *reply, uint32_t kind, wazo_auth_bytes sentence) {
    wazo_auth_bytes none = {NULL, 0};
    answer(reply, sentence, none);
    if (reply->failed) return;
    reply->failed = 1;
    reply->kind = kind;
}

static void acme_free_reply(wazo_auth_reply *reply) {
    free(reply->owner);
}

/* Asks the daemon, with a head of up to two parts and what closes it. Whether it answers; if not,
 * its failure is ours. Either way the caller frees what it said. */
static bool ask(const acme *self, wazo_auth_bytes service, const char *member,
                wazo_auth_bytes value, wazo_auth_reply *said, wazo_auth_reply *reply) {
    wazo_auth_bytes none = {NULL, 0};
    size_t room = strlen(member) + value.length + 8;
    char *head = (char *)malloc(room);
    if (!head) {
        fail(reply, WAZO_AUTH_BUSY, TEXT("there is no memory left"));
        return false;
    }
    int length = snprintf(head, room, "{%s%.*s}", member, (int)value.length, value.data);
    wazo_auth_bytes asked = {head, (size_t)length};
    self->host->call(self->host, service, asked, none, said);
    free(head);
    if (said->failed) fail(reply, said->kind, said->head);
    return !said->failed;
}

static void verify_password(const acme *self, wazo_auth_bytes head, wazo_auth_reply *reply) {
    wazo_auth_bytes login, password, name, known, none = {NULL, 0};
    if (!json_member(head, "\"login\"", &login) || !json_member(head, "\"password\"", &password)) {
        fail(reply, WAZO_AUTH_MALFORMED, TEXT("a login or a password is missing"));
        return;
    }
    wazo_auth_bytes users = {self->users, self->users_length};
    json_cursor cursor = json_start(users);
    bool verified = false;
    json_open(&cursor);
    while (json_next(&cursor, &name, &known))
        if (json_same(name, login)) verified = json_same(known, password);
    if (verified) self->host->log(self->host, 3, TEXT("acme_c"), TEXT("somebody has logged in"));
    answer(reply, verified ? TEXT("{\"verified\":true}") : TEXT("{\"verified\":false}"), none);
}

/* What the daemon itself allows the user. */
static void get_acl(const acme *self, wazo_auth_bytes head, wazo_auth_reply *reply) {
    wazo_auth_reply found = {0}, allowed = {0};
    wazo_auth_bytes login, user, uuid, none = {NULL, 0};
    if (!json_member(head, "\"login\"", &login)) {
        fail(reply, WAZO_AUTH_MALFORMED, TEXT("the login is missing"));
        return;
    }
    if (ask(self, TEXT("users.get_by_login"), "\"login\":", login, &found, reply)) {
        if (!json_member(found.head, "\"user\"", &user) || !json_member(user, "\"uuid\"", &uuid))
            answer(reply, TEXT("{\"acl\":[]}"), none);
        else if (ask(self, TEXT("users.get_acl"), "\"user_uuid\":", uuid, &allowed, reply))
            answer(reply, allowed.head, none);
    }
    self->host->free_reply(self->host, &allowed);
    self->host->free_reply(self->host, &found);
}

static void tell_platform(const acme *self, wazo_auth_reply *reply) {
    wazo_auth_reply platform = {0};
    wazo_auth_bytes nothing = {"", 0};
    if (ask(self, TEXT("platform.get"), "", nothing, &platform, reply))
        answer(reply,
               TEXT("{\"status\":200,\"headers\":[[\"content-type\",\"application/json\"]]}"),
               platform.head);
    self->host->free_reply(self->host, &platform);
}

static void acme_call(void *plugin, wazo_auth_bytes method, wazo_auth_bytes head,
                      wazo_auth_bytes body, wazo_auth_reply *reply) {
    const acme *self = (const acme *)plugin;
    wazo_auth_bytes none = {NULL, 0};
    (void)body;
    if (self->kind == BACKEND && json_is(method, "verify_password"))
        verify_password(self, head, reply);
    else if (self->kind == BACKEND && json_is(method, "get_acl"))
        get_acl(self, head, reply);
    else if (self->kind == HTTP && json_is(method, "get_routes"))
        answer(reply,
               TEXT("{\"items\":[{\"method\":\"GET\",\"path\":\"/acme/platform\","
                    "\"access\":\"auth.acme.read\"}]}"),
               none);
    else if (self->kind == HTTP && json_is(method, "handle"))
        tell_platform(self, reply);
    else
        fail(reply, WAZO_AUTH_UNSUPPORTED, TEXT("no such method"));
}

/* Reads the configuration; the sentence of what is wrong, or no data. */
static wazo_auth_bytes configure(acme *self, wazo_auth_bytes config) {
    wazo_auth_bytes name, value, none = {NULL, 0};
    json_cursor cursor = json_start(config);
    json_open(&cursor);
    while (json_next(&cursor, &name, &value)) {
        if (!json_is(name, "\"users\"")) return TEXT("config: the only key is `users`");
        if (value.data[0] != '{') return TEXT("config: `users` is no map of logins to passwords");
        self->users = (char *)malloc(value.length);
        if (!self->users) return TEXT("there is no memory left");
        memcpy(self->users, value.data, value.length);
        self->users_length = value.length;
    }
    return self->users ? none : TEXT("config: `users` is missing");
}

static void acme_destroy(void *plugin) {
    acme *self = (acme *)plugin;
    free(self->users);
    free(self);
}

static void *acme_create(wazo_auth_bytes kind, wazo_auth_bytes name, wazo_auth_bytes config,
                         const wazo_auth_host *host, wazo_auth_reply *failure) {
    acme *self = (acme *)calloc(1, sizeof(acme));
    if (!self) {
        fail(failure, WAZO_AUTH_BUSY, TEXT("there is no memory left"));
        return NULL;
    }
    self->host = host;
    if (json_is(kind, "http") && json_is(name, "acme_platform")) {
        self->kind = HTTP;
        return self;
    }
    if (!json_is(kind, "backend") || !json_is(name, "acme_c")) {
        fail(failure, WAZO_AUTH_UNSUPPORTED, TEXT("no such plugin in this library"));
        acme_destroy(self);
        return NULL;
    }
    wazo_auth_bytes wrong = configure(self, config);
    if (wrong.data) {
        fail(failure, WAZO_AUTH_CONFIG, wrong);
        acme_destroy(self);
        return NULL;
    }
    return self;
}

WAZO_AUTH_PLUGIN("acme_c", "1.2.3",
                 WAZO_AUTH_OFFER("backend", "acme_c", "1.2.3") ","
                 WAZO_AUTH_OFFER("http", "acme_platform", "1.2.3"),
                 acme_create, acme_call, acme_destroy, acme_free_reply)
