import Foundation

/// Wall clocks that are wrong, one for each worker, by the library `FalseClock` of this package. Monotonic clocks stay.
struct FalseClock: Sendable {
    /// Read by the library: the file that says by how much.
    private static let variable = "CASE_ROUTER_FALSE_CLOCK"

    private let run: RunDirectory
    private let library: String

    /// - Parameter folder: where the build puts the library; none means beside this program.
    init(_ run: RunDirectory, libraryIn folder: String? = nil) throws {
        let folder = try folder ?? URL(fileURLWithPath: try Executables.own()).deletingLastPathComponent().path
        library = folder + "/libFalseClock.so"
        guard access(library, R_OK) == 0 else {
            throw RunFailure("clock-wrong needs \(library), which is missing: swift build --product FalseClock")
        }
        self.run = run
    }

    /// What a process has to be told so that its clock can be set. It is as it was set last, and right before that.
    func surroundings(of label: String) throws -> [String: String] {
        if access(file(label), R_OK) != 0 { try set(label, ahead: 0) }
        return ["LD_PRELOAD": library, Self.variable: file(label)]
    }

    /// Sets a clock, of a process that runs or of one that will.
    ///
    /// - Parameter seconds: by how much it is ahead of the right time.
    func set(_ label: String, ahead seconds: Int64) throws {
        // In one write, into the very file that a process may have mapped.
        let file = open(file(label), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        let written = withUnsafeBytes(of: seconds) { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard written == MemoryLayout<Int64>.size else {
            throw RunFailure("\(self.file(label)) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    private func file(_ label: String) -> String { run.file("clock-\(label)") }
}
