import CCurl
import Glibc

/// What libcurl's code of a finished transfer means.
func kindOfFailure(_ code: CURLcode, systemError: Int32, sent: Bool) -> HTTPError.Kind {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: .resolve
    case CURLE_COULDNT_CONNECT: systemError == ECONNREFUSED ? .refused : .cannotConnect
    case CURLE_OPERATION_TIMEDOUT: sent ? .deadline : .cannotConnect
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
        CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS,
        CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_USE_SSL_FAILED:
        .tls
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
        sent ? .connectionLost : .cannotConnect
    case CURLE_URL_MALFORMAT: .invalidRequest
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR,
        CURLE_HTTP_RETURNED_ERROR:
        sent ? .badResponse : .invalidRequest
    default: sent ? .connectionLost : .cannotConnect
    }
}
