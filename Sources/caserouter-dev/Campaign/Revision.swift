import Foundation

/// Which version of the code a run is of.
enum Revision {
    /// The commit of the checkout that the directory lies in, with `-dirty` where files differ from it; "unknown" where git cannot tell.
    static func current(at directory: String) async -> String {
        let output = FileManager.default.temporaryDirectory.appending(path: "revision-\(UUID().uuidString)")
        // Left behind it would only take room.
        defer { try? FileManager.default.removeItem(at: output) }
        do {
            let child = try ChildProcess(
                command: ["/usr/bin/git", "-C", directory, "describe", "--always", "--abbrev=10", "--dirty"],
                environment: Executables.environment(home: "/tmp"), output: output.path, errors: "/dev/null")
            guard try await child.waitForExit(limit: .seconds(20)) == 0 else { return "unknown" }
            let text = try String(contentsOf: output, encoding: .utf8)
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            return "unknown"
        }
    }
}
