import Foundation

/// Which version of the code a run is of.
enum Revision {
    /// The commit of the checkout that this program was built in, with `-dirty` where files differ from it.
    ///
    /// The program and the run directory may be copies that lie elsewhere. "unknown" only where git knows nothing of the
    /// sources, such as those of an archive.
    static func current(at directory: String) async -> String {
        // Where this program lies, if that can be told.
        for place in [sources, (try? Executables.own()) ?? directory, directory] {
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
            let folder = isFolder.boolValue ? place : URL(filePath: place).deletingLastPathComponent().path
            if exists, let commit = await described(folder) { return commit }
        }
        Terminal.line(
            "Git knows no commit of the sources in \(sources): the result does not say of which version it is.")
        return "unknown"
    }

    /// Known from the compiler.
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().path

    private static func described(_ folder: String) async -> String? {
        let output = FileManager.default.temporaryDirectory.appending(path: "revision-\(UUID().uuidString)")
        // Left behind it would only take room.
        defer { try? FileManager.default.removeItem(at: output) }
        do {
            // Whoever the checkout belongs to: it is only read. The index is not refreshed, which would need a lock.
            let child = try ChildProcess(
                command: [
                    "/usr/bin/git", "--no-optional-locks", "-c", "safe.directory=*", "-C", folder, "describe",
                    "--always",
                    "--abbrev=10", "--dirty",
                ],
                environment: Executables.environment(home: "/tmp"), output: output.path, errors: "/dev/null")
            // Minutes, where the machine is busy and the index cold.
            guard try await child.waitForExit(limit: .seconds(180)) == 0 else { return nil }
            let text = try String(contentsOf: output, encoding: .utf8)
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            return nil
        }
    }
}
