import CCurl

/// The cookies of one session, shared by all its transfers, seen by no other.
///
/// A session that starts anew takes a new jar. libcurl's cookie engine decides what is kept and sent: domain, path,
/// `Secure`, expiry, public suffixes. Nothing is written to disk; the last reference frees it.
// Sendable is unchecked because of the raw pointer: it is used by transfers, on the loop's thread only and without
// locks, and freed when none holds the jar any more. One jar belongs to one transport.
public final class CookieJar: @unchecked Sendable {
    let share: UnsafeMutableRawPointer

    public init() {
        prepareCurl()
        guard let share = curl_share_init(), case_router_share_cookies(share) == CURLSHE_OK else {
            preconditionFailure("no memory for a cookie jar")
        }
        self.share = share
    }

    deinit { curl_share_cleanup(share) }

    /// Forgets all cookies. On the loop's thread only.
    func clear() {
        guard let easy = curl_easy_init() else { preconditionFailure("no memory to clear a cookie jar") }
        defer { curl_easy_cleanup(easy) }
        case_router_set_share(easy, share)
        case_router_set_string(easy, CURLOPT_COOKIELIST, "ALL")
        case_router_set_share(easy, nil)
    }
}

/// libcurl's global set-up, once per process and before anything else of it.
func prepareCurl() { _ = curlIsReady }
private let curlIsReady: Bool = {
    precondition(curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, "libcurl cannot start")
    return true
}()
