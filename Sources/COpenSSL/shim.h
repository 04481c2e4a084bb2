#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// OpenSSL offers these only as macros, which Swift cannot call.
static inline int case_router_require_tls_1_2(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline int case_router_set_server_name(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, name);
}
