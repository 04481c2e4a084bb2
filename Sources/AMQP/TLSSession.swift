import COpenSSL
import Glibc

/// TLS ≥ 1.2 between memory buffers: the transport moves the bytes, so that writing never blocks and never raises
/// SIGPIPE. The certificate must lead to a trusted one and carry the host's name or address. Not Sendable.
final class TLSSession {
    private let session: OpaquePointer
    private let received: OpaquePointer
    private let pending: OpaquePointer
    private(set) var isEstablished = false

    /// `caFile`: PEM certificates to trust instead of the system's.
    init(host: String, caFile: String?) throws(AMQPError) {
        // The session keeps the context alive.
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Self.failure("set up TLS") }
        defer { SSL_CTX_free(context) }
        guard case_router_require_tls_1_2(context) == 1 else { throw Self.failure("set up TLS") }
        let trusted =
            caFile.map { SSL_CTX_load_verify_locations(context, $0, nil) } ?? SSL_CTX_set_default_verify_paths(context)
        guard trusted == 1 else { throw Self.failure("read CA file \(caFile ?? "of the system")") }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)

        guard let session = SSL_new(context) else { throw Self.failure("set up TLS") }
        guard let received = BIO_new(BIO_s_mem()), let pending = BIO_new(BIO_s_mem()) else {
            SSL_free(session)
            throw Self.failure("set up TLS")
        }
        // The session frees both.
        SSL_set_bio(session, received, pending)
        self.session = session
        self.received = received
        self.pending = pending
        SSL_set_connect_state(session)

        var address = in6_addr()
        let isNumeric = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
        let isNamed =
            isNumeric
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host)
            : min(SSL_set1_host(session, host), case_router_set_server_name(session, host))
        guard isNamed == 1 else { throw Self.failure("verify host \(host)") }
    }

    deinit { SSL_free(session) }

    /// Takes bytes from the network.
    func feed(_ bytes: UnsafeRawBufferPointer) {
        let count = BIO_write(received, bytes.baseAddress, Int32(bytes.count))
        precondition(count == bytes.count, "no memory for received bytes")
    }

    /// Bytes for the network.
    var pendingCount: Int { BIO_ctrl_pending(pending) }

    func takePending(into space: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(BIO_read(pending, space.baseAddress, Int32(clamping: space.count))))
    }

    /// Goes on with the handshake as far as the received bytes allow.
    func handshake() throws(AMQPError) {
        if isEstablished { return }
        ERR_clear_error()
        let result = SSL_do_handshake(session)
        if result == 1 {
            isEstablished = true
        } else if SSL_get_error(session, result) != SSL_ERROR_WANT_READ {
            let verdict = SSL_get_verify_result(session)
            let reason =
                verdict == X509_V_OK
                ? Self.queuedError() : "certificate: " + String(cString: X509_verify_cert_error_string(verdict))
            throw AMQPError(operation: "TLS handshake", kind: .refused, text: reason)
        }
    }

    /// Returns how many of the bytes were encrypted.
    func encrypt(_ bytes: UnsafeRawBufferPointer) throws(AMQPError) -> Int {
        ERR_clear_error()
        // One record at a time; memory takes it whole.
        let count = SSL_write(session, bytes.baseAddress, Int32(min(bytes.count, 16 << 10)))
        if count > 0 { return Int(count) }
        if SSL_get_error(session, count) == SSL_ERROR_WANT_READ { return 0 }
        throw AMQPError(operation: "connection", kind: .connectionLost, text: "TLS: " + Self.queuedError())
    }

    /// Returns how many bytes were decrypted, nil when more must be received first.
    func decrypt(into space: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int? {
        ERR_clear_error()
        let count = SSL_read(session, space.baseAddress, Int32(clamping: space.count))
        if count > 0 { return Int(count) }
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ: return nil
        case SSL_ERROR_ZERO_RETURN:
            throw AMQPError(operation: "connection", kind: .connectionLost, text: "the broker closed the connection")
        default:
            throw AMQPError(operation: "connection", kind: .connectionLost, text: "TLS: " + Self.queuedError())
        }
    }

    private static func failure(_ operation: String) -> AMQPError {
        AMQPError(operation: operation, kind: .refused, text: queuedError())
    }

    private static func queuedError() -> String {
        let code = ERR_get_error()
        if code == 0 { return "the stream ended" }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
