import Foundation

/// A process that a run started, told apart from every other process by its id and its start.
///
/// Process ids are given again, and a record may be read long after its process has gone; so nothing is ever
/// signalled by the id alone.
struct ProcessRecord: Codable, Sendable, Equatable {
    /// Processes of one rank end together; the highest rank ends first.
    enum Rank: Int, Codable, Sendable, Comparable, CaseIterable {
        case portMapper, server, simulator, worker

        static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
    }

    let label: String
    let pid: Int32
    /// Clock ticks between the machine's start and the process's, from `/proc`.
    let startTicks: UInt64
    let rank: Rank
    /// The signal that asks it to end in an orderly way.
    let endSignal: Int32
    /// Seconds it may take for that before it is killed.
    let grace: Int

    /// Whether this very process still runs. One that has ended and waits to be collected does not.
    var isAlive: Bool {
        guard let status = ProcessStatus(pid: pid) else { return false }
        return status.startTicks == startTicks && status.state != "Z" && status.state != "X"
    }

    /// Sends a signal to the process, and to nobody else should it be gone.
    func signal(_ number: Int32) {
        if isAlive { kill(pid, number) }
    }

    /// Kills the process and what it left in its process group.
    func killGroup() {
        if isAlive { kill(-pid, SIGKILL) }
    }
}

/// What `/proc/PID/stat` says about a process.
struct ProcessStatus {
    let state: Character
    let startTicks: UInt64

    /// nil when there is no such process.
    init?(pid: Int32) {
        // The process may end between any two calls; then there is nothing to read.
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        // The fields after the name, which may hold blanks and brackets: state is the 3rd of all, start time the 22nd.
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let start = UInt64(fields[19]) else { return nil }
        self.state = state
        startTicks = start
    }
}
