import Foundation

extension RunDirectory {
    /// Ends every process that the run started, in order, and returns how many were alive.
    ///
    /// Not cancellable: an end that stops half-way is what this exists to prevent.
    @discardableResult func endEverything() throws -> Int {
        let alive = try recorded().filter(\.isAlive)
        for rank in ProcessRecord.Rank.allCases.sorted(by: >) { end(alive.filter { $0.rank == rank }) }
        let stray = try endStray()
        try SmallDisk.unmount(file("postgres"))
        try removeDataOutside()
        for name in try entriesOfRecords() { try FileManager.default.removeItem(atPath: name) }
        return alive.count + stray
    }

    /// Data that had to lie outside the run directory go with the run: nobody would find them there.
    private func removeDataOutside() throws {
        // Not a link: then the data lie inside, and stay until the next start.
        guard let outside = try? FileManager.default.destinationOfSymbolicLink(atPath: file("postgres")) else { return }
        if FileManager.default.fileExists(atPath: outside) { try FileManager.default.removeItem(atPath: outside) }
        try FileManager.default.removeItem(atPath: file("postgres"))
    }

    private func entriesOfRecords() throws -> [String] {
        let folder = file("processes")
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
    }

    private func end(_ processes: [ProcessRecord]) {
        for process in processes { process.signal(process.endSignal) }
        for process in processes where !Self.waits(for: process, seconds: Double(process.grace)) {
            process.killGroup()
            _ = Self.waits(for: process, seconds: 5)
        }
    }

    /// Whether the process ended within the time.
    private static func waits(for process: ProcessRecord, seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while process.isAlive {
            guard Date() < deadline else { return false }
            usleep(20_000)
        }
        // Collects it when it is our child; when it is not, its parent does.
        waitpid(process.pid, nil, WNOHANG)
        return true
    }

    /// Kills what carries the run's marker and has no record, or outlived its parent: helpers of the Erlang machine, and
    /// a process that was started in the instant before its starter was killed.
    private func endStray() throws -> Int {
        var ended: Set<Int32> = []
        // A stray may start another one while we look; the second look finds it.
        for _ in 0..<3 {
            let found = try stray()
            if found.isEmpty { break }
            for pid in found { kill(pid, SIGKILL) }
            ended.formUnion(found)
            usleep(50_000)
        }
        return ended.count
    }

    private func stray() throws -> [Int32] {
        let wanted = Data("\(Self.marker)=\(path)".utf8)
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
            guard let pid = Int32(name), pid != getpid(),
                // Somebody else's process, or one that has just ended.
                let environment = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(name)/environ")),
                environment.split(separator: 0).contains(wanted),
                let status = ProcessStatus(pid: pid), status.state != "Z"
            else { return nil }
            return pid
        }
    }
}
