import Glibc

/// How many descriptors this process may have open.
enum DescriptorLimit {
    /// Takes as many as the system grants: a session's default is 1,024, and systemd's as well.
    ///
    /// A worker gets along without new connections for a while. Swift's runtime does not: libdispatch opens a file of
    /// `/proc` for each of its threads when work waits for them, and ends the process (SIGILL) when it cannot.
    static func raise() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Refused, it stays as it was, and so does everything else.
        setrlimit(resource, &limit)
    }
}
