import DequeModule

/// Scheme, host and port, and the transfers under way there.
///
/// The limit of connections per host is kept here and not in libcurl: its one list of waiting transfers for all
/// hosts lets a host that is full delay another.
final class HTTPOrigin {
    let url: OriginURL
    var active = 0
    private var waiting: Deque<(transfer: Transfer, id: UInt64)> = []
    private var abandoned = 0

    init(_ url: OriginURL) { self.url = url }

    var isUnused: Bool { active == 0 && waiting.isEmpty }

    func append(_ transfer: Transfer) { waiting.append((transfer, transfer.id)) }

    /// One that waits has ended without its turn.
    func abandonOne() {
        abandoned += 1
        if abandoned > 16 && abandoned > waiting.count / 2 {
            waiting.removeAll { $0.transfer.id != $0.id }
            abandoned = 0
        }
    }

    func popFirst() -> Transfer? {
        while let first = waiting.popFirst() {
            if first.transfer.id == first.id { return first.transfer }
            abandoned -= 1
        }
        return nil
    }
}
