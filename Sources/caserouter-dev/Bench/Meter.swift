import Foundation

/// What the processes of a run use, by part.
struct Meter: Sendable {
    /// A part of the machine's work, with the process that is its root: what that starts counts too.
    struct Part: Sendable {
        let name: String
        let pid: Int32
    }

    struct Usage: Sendable {
        var cpuMicroseconds = 0.0
        /// Memory that is the process's own; of shared pages its share.
        var megabytes = 0.0
        var peakMegabytes = 0.0
    }

    var parts: [Part]

    /// By the name of the part.
    func read() -> [String: Usage] {
        let processes = Self.processes()
        var children: [Int32: [Int32]] = [:]
        for (pid, process) in processes { children[process.parent, default: []].append(pid) }
        var usage: [String: Usage] = [:]
        for part in parts {
            var open = [part.pid]
            while let pid = open.popLast() {
                guard let process = processes[pid] else { continue }
                usage[part.name, default: Usage()].cpuMicroseconds += process.cpuMicroseconds
                let (now, peak) = Self.memory(of: pid)
                usage[part.name]?.megabytes += now
                usage[part.name]?.peakMegabytes += peak
                open += children[pid] ?? []
            }
        }
        return usage
    }

    private struct Process {
        let parent: Int32
        /// Of the process, and of its children that have ended.
        let cpuMicroseconds: Double
    }

    private static func processes() -> [Int32: Process] {
        // Without /proc nothing can be measured, and every figure is zero, which voids the run.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let tick = 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
        var found: [Int32: Process] = [:]
        for name in names {
            // A process may end between any two calls.
            guard let pid = Int32(name), let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { continue }
            // After the name: state, parent, …; the times of the process and of its children are the 14th to 17th of all.
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 14, let parent = Int32(fields[1]) else { continue }
            let ticks = fields[11...14].compactMap { Double($0) }.reduce(0, +)
            found[pid] = Process(parent: parent, cpuMicroseconds: ticks * tick)
        }
        return found
    }

    private static func memory(of pid: Int32) -> (now: Double, peak: Double) {
        func kilobytes(_ file: String, _ key: String) -> Double {
            // Likewise.
            guard let text = try? String(contentsOfFile: file, encoding: .utf8),
                let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) })
            else { return 0 }
            return line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        }
        let resident = kilobytes("/proc/\(pid)/status", "VmRSS:")
        let shared = kilobytes("/proc/\(pid)/status", "RssShmem:")
        let peak = kilobytes("/proc/\(pid)/status", "VmHWM:")
        // Pages that PostgreSQL's sessions share are not memory of each: without them, as if the largest had them.
        return ((resident - shared) / 1024, (peak - shared) / 1024)
    }
}
