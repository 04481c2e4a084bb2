import Foundation
import Testing

@testable import caserouter_dev

/// The points in the product's code at which campaigns strike.
struct FailpointTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

    /// Every name that the product's code passes.
    private static func names() throws -> Set<String> {
        var names: Set<String> = []
        let sources = root.appending(path: "Sources/CaseRouting")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /failpoint\("([a-z.]+)"\)/) { names.insert(String(match.output.1)) }
        }
        return names
    }

    @Test func `every point that a campaign knows is in the code, and the other way round`() throws {
        let known =
            Failpoints.ingest + Failpoints.route + Failpoints.operators + Failpoints.conditional.keys.sorted()
        let names = try Self.names()
        #expect(Set(known) == names)
        #expect(Set(known).count == known.count)
    }

    @Test func `a release build holds no name of a point, and a debug build holds them all`() throws {
        let names = try Self.names().sorted()
        #expect(names.count > 20)
        let folder = FileManager.default.temporaryDirectory.appending(path: "failpoints-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }  // Left behind it would only take room.
        let caller = folder.appending(path: "caller.swift")
        let calls = names.map { "    failpoint(\"\($0)\")\n" }.joined()
        try Data("public func passEveryPoint() {\n\(calls)}\n".utf8).write(to: caller)
        let function = Self.root.appending(path: "Sources/FaultPoints/failpoint.swift").standardizedFileURL

        let release = try Self.compile([function, caller], ["-O", "-wmo"], in: folder, as: "release.o")
        let debug = try Self.compile([function, caller], ["-Onone", "-wmo", "-D", "DEBUG"], in: folder, as: "debug.o")
        for name in names {
            #expect(release.range(of: Data(name.utf8)) == nil, "\(name) is in the release build")
            #expect(debug.range(of: Data(name.utf8)) != nil, "\(name) is not in the debug build")
        }
        #expect(release.range(of: Data(Failpoints.variable.utf8)) == nil)
        #expect(debug.range(of: Data(Failpoints.variable.utf8)) != nil)
    }

    private static func compile(_ files: [URL], _ options: [String], in folder: URL, as name: String) throws -> Data {
        let object = folder.appending(path: name)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["swiftc", "-emit-object", "-parse-as-library", "-swift-version", "6", "-module-name", "Points"] + options
            + ["-o", object.path] + files.map(\.path)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try Data(contentsOf: object)
    }
}
