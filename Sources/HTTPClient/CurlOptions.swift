import CCurl

/// What is the same for every transfer: everything clever is off, everything that protects is on.
func configureCurl(
    _ easy: UnsafeMutableRawPointer, _ settings: HTTPTransport.Settings, sockets: UnsafeMutableRawPointer
) {
    func set(_ option: CURLoption, _ value: Int) {
        let code = case_router_set_long(easy, option, value)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue): \(code.rawValue)")
    }
    func set(_ option: CURLoption, _ value: String?) {
        let code = case_router_set_string(easy, option, value)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue): \(code.rawValue)")
    }
    set(CURLOPT_NOSIGNAL, 1)
    // Else a transfer dropped during a name look-up waits for the look-up's thread, and the loop with it.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    // An empty name also keeps libcurl from looking for a proxy in the environment, and the second from looking there, for
    // every exchange, for hosts that need none.
    set(CURLOPT_PROXY, "")
    set(CURLOPT_NOPROXY, "*")
    set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
    // With HTTP/2 a refused stream is sent again by libcurl, and a connection's end fails many transfers.
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    set(CURLOPT_HTTP09_ALLOWED, 0)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_USERAGENT, settings.userAgent)

    set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    switch settings.trust {
    case .system:
        // Without a directory libcurl keeps the parsed bundle for the connections that follow.
        set(CURLOPT_CAPATH, nil)
    case .file(let path):
        set(CURLOPT_CAPATH, nil)
        set(CURLOPT_CAINFO, path)
    case .systemAndFile(let path):
        // The directory of the system stays set.
        set(CURLOPT_CAINFO, path)
    }

    case_router_set_pointer(easy, CURLOPT_OPENSOCKETDATA, sockets)
    case_router_set_open_socket(easy) { sockets, _, address in
        CurlSockets.from(sockets).open(address!.pointee)
    }
    case_router_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, sockets)
    case_router_set_close_socket(easy) { sockets, descriptor in CurlSockets.from(sockets).close(descriptor) }
}
