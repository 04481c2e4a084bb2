import CCurl
import Glibc
import Polling

/// The sockets of a multi handle on the loop.
///
/// libcurl gives a connection's socket up after every exchange and asks for it again with the next. Telling the
/// kernel each time would cost two system calls an exchange, so a socket that libcurl does not ask for stays watched
/// until something happens on it.
final class CurlSockets {
    private struct Entry {
        /// Opened through `open`, so that `close` will be called before the descriptor ends.
        var isOurs = false
        var isWatched = false
        /// Whether libcurl asks for it now.
        var isWanted = false
    }

    private let loop: PollExecutor
    private var entries: [Entry] = []
    /// Tells libcurl what a socket is ready for.
    var ready: (Int32, Int32) -> Void = { _, _ in }

    init(_ loop: PollExecutor) { self.loop = loop }

    static func from(_ pointer: UnsafeMutableRawPointer?) -> CurlSockets {
        Unmanaged<CurlSockets>.fromOpaque(pointer!).takeUnretainedValue()
    }

    func open(_ address: curl_sockaddr) -> Int32 {
        let descriptor = socket(address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
        if descriptor < 0 { return descriptor }
        reserve(descriptor)
        unwatch(descriptor)
        entries[Int(descriptor)] = Entry(isOurs: true)
        return descriptor
    }

    func close(_ descriptor: Int32) -> Int32 {
        reserve(descriptor)
        assert(entries[Int(descriptor)].isOurs, "descriptor \(descriptor) is closed twice")
        unwatch(descriptor)
        entries[Int(descriptor)] = Entry()
        return Glibc.close(descriptor)
    }

    /// What libcurl wants to know of a socket: `CURL_POLL_…`.
    func changed(_ descriptor: Int32, _ what: Int32) {
        reserve(descriptor)
        let index = Int(descriptor)
        if what == CURL_POLL_REMOVE {
            entries[index].isWanted = false
            if !entries[index].isOurs { unwatch(descriptor) }
            return
        }
        var interest: PollEvents = []
        if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        entries[index].isWanted = true
        if entries[index].isWatched {
            loop.rewatch(descriptor, for: interest)
            return
        }
        entries[index].isWatched = true
        loop.watch(descriptor, for: interest) { [unowned self] events in self.handle(descriptor, events) }
    }

    private func handle(_ descriptor: Int32, _ events: PollEvents) {
        // An idle connection: libcurl looks at it when it takes it next.
        if !entries[Int(descriptor)].isWanted { return unwatch(descriptor) }
        var what: Int32 = 0
        if events.contains(.readable) { what |= CURL_CSELECT_IN }
        if events.contains(.writable) { what |= CURL_CSELECT_OUT }
        if events.contains(.broken) { what |= CURL_CSELECT_ERR }
        ready(descriptor, what)
    }

    private func unwatch(_ descriptor: Int32) {
        if !entries[Int(descriptor)].isWatched { return }
        entries[Int(descriptor)].isWatched = false
        loop.unwatch(descriptor)
    }

    private func reserve(_ descriptor: Int32) {
        while entries.count <= Int(descriptor) { entries.append(Entry()) }
    }
}
