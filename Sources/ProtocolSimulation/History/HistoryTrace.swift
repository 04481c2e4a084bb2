import CaseRouting

/// What happened in a history: always as a number that two runs of one seed have in common, and as text when asked for.
/// Touched on the simulation's thread only.
public final class HistoryTrace: @unchecked Sendable {
    /// FNV-1a over all that was noted.
    public private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    public private(set) var lines: [String] = []
    public private(set) var notes = 0
    let isVerbose: Bool
    private let clock: VirtualClock

    public init(_ clock: VirtualClock, isVerbose: Bool) {
        self.clock = clock
        self.isVerbose = isVerbose
    }

    /// One statement of a process, with what it changed.
    func note(_ life: Life, _ name: StaticString, _ changed: () -> [String]) {
        mix(life.name, name)
        guard isVerbose else { return }
        let changed = changed()
        if !changed.isEmpty { write("\(life.name): \(name)" + changed.map { "\n              \($0)" }.joined()) }
    }

    /// What a process does, for people only.
    func tell(_ life: Life, _ text: @autoclosure () -> String) {
        if isVerbose { write("\(life.name): \(text())") }
    }

    /// Anything else that happens.
    ///
    /// - Parameter figures: what tells two such happenings apart without the text.
    func say(_ kind: StaticString, _ figures: Int..., text: @autoclosure () -> String) {
        mix("", kind)
        for figure in figures { mix(UInt64(truncatingIfNeeded: figure)) }
        if isVerbose { write(text()) }
    }

    private func write(_ text: String) {
        let milliseconds = Int(clock.monotonic / .milliseconds(1))
        let time = "\(milliseconds / 1_000).\(String(1_000 + milliseconds % 1_000).dropFirst())"
        lines.append(String(repeating: " ", count: max(0, 10 - time.count)) + time + "  " + text)
    }

    private func mix(_ who: String, _ name: StaticString) {
        notes += 1
        let (seconds, attoseconds) = clock.monotonic.components
        mix(UInt64(truncatingIfNeeded: seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
        for byte in who.utf8 { mix(byte) }
        name.withUTF8Buffer { for byte in $0 { mix(byte) } }
    }

    private func mix(_ value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    private func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
}

extension CaseTables {
    /// One line for each case that differs.
    func differences(from before: CaseTables) -> [String] {
        let changed: [String] = cases.keys.sorted().compactMap { key in
            let (old, new) = (before.line(key), line(key))
            return old == new ? nil : new
        }
        let (old, new) = (before.duties, duties)
        return old == new ? changed : changed + ["duties " + new]
    }

    private var duties: String {
        let held = leases.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.owner) \($0.value.term)" }
        let known = servers.sorted { $0.key < $1.key }.map {
            "\($0.key) is \($0.value.identity ?? "?") \($0.value.epoch)"
        }
        let holds = holds.keys.map { "hold \($0.kind) \($0.name) \($0.reason)" }.sorted()
        return (held + known + holds).joined(separator: ", ")
    }

    private func line(_ key: CaseKey) -> String {
        guard let row = cases[key] else { return "" }
        let state = state(key)
        let lease = row.leaseUntil.map { $0 > now ? " leased \(row.epoch)" : " lease \(row.epoch) over" } ?? ""
        let wanted = state.wanted.map { " wanted \($0.cic)/\($0.workgroup)[\($0.skills)]#\(state.wantedAssign)" } ?? ""
        let spares = state.sparesAgent ? " spares its agent" : ""
        let episode =
            state.episode.map { one in
                " episode \(one.number) \(one.state) \(one.interaction?.description ?? "-")"
                    + " on \(one.workgroup ?? "?")[\(one.skills ?? "?")]#\(one.assignNumber)"
                    + (one.isWithAgent ? " with agent" : "")
            } ?? ""
        let attempts = state.attempts > 0 ? " attempts \(state.attempts) failure \(state.failureNumber)" : ""
        let owner = state.facts.map { " owner \($0.owner)\($0.isClosed ? " closed" : "")" } ?? ""
        let requests = requests.filter { $0.value.change.caseKey == key }
        let open = requests.values.count { $0.outcome == nil }
        return "case \(key.caseID) \(state.revision)/\(state.appliedRevision)\(owner)\(wanted)\(spares)\(episode)"
            + "\(attempts)\(lease), \(open) of \(requests.count) requests open"
    }
}
