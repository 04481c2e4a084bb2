import Foundation

/// Makes sure that one command at a time works in a run directory. The kernel takes the lock back from a command that
/// was killed.
final class RunLock {
    static let file = "lock"

    private var descriptor: Int32

    /// Takes the lock, waiting up to `wait` for whoever has it.
    ///
    /// - Parameter interrupting: also asks the holder to end, as Ctrl-C does.
    init(_ run: RunDirectory, wait: Duration, interrupting: Bool = false) async throws {
        try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
        descriptor = open(run.file(Self.file), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw RunFailure("\(run.file(Self.file)) cannot be opened") }
        let deadline = ContinuousClock.now + wait
        var asked = false
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let holder = Self.holder(run)
            if interrupting, !asked, let holder {
                kill(holder, SIGTERM)
                asked = true
            }
            guard ContinuousClock.now < deadline else {
                throw RunFailure("\(run.path) is in use by process \(holder.map(String.init) ?? "?")")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        pwrite(descriptor, text, text.utf8.count, 0)
    }

    deinit { release() }

    /// Lets the next command in.
    func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private static func holder(_ run: RunDirectory) -> Int32? {
        // The holder writes its id a moment after it has the lock: until then nobody is named.
        guard let text = try? String(contentsOfFile: run.file(file), encoding: .utf8) else { return nil }
        return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
