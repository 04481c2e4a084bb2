import CaseRouting
import Foundation
import Testing

/// `docs/request.schema.json` and the examples of `docs/request-message.md` against what `RequestMessage` writes and
/// reads. The schema is applied by Python's `jsonschema`, which shares nothing with us.
@Suite struct RequestMessageSchemaTests {
    /// Three kinds of changes have everything that can be there, the others as little as possible.
    static let changes: [CaseChange] = ChangeKind.allCases.enumerated().map { place, kind in
        let isFull = place % 4 == 0
        return CaseChange(
            key: isFull ? "o:a0BHs000004TmLaMAK" : "n:00aHs000003cOm5IAE", org: "main", caseID: caseID, kind: kind,
            version: isFull ? .max : 0, versionEpoch: isFull ? 2 : 1,
            occurredAt: Timestamp(microseconds: isFull ? 1_795_252_486_123_456 : 0),
            caseNumber: isFull ? "00417223" : "",
            owner: queueID, previousOwner: isFull ? userID : nil, isClosed: isFull,
            skills: isFull ? #"Französisch;"quoted"\;C++"# : "", priority: isFull ? "High" : "",
            actor: isFull ? userID : nil, row: isFull ? rowID : nil, comparedWith: kind == .observed ? 7 : nil,
            comparedVersion: kind == .observed && isFull ? 5 : nil,
            isAsked: kind == .observed)
    }

    @Test func `every change and the handle fit the schema as they are written`() async throws {
        var bodies = Self.changes.map { RequestMessage.encode($0) }
        let handle = RetryHandle(caseKey: CaseKey(org: "main", caseID: Self.caseID), failureNumber: 3)
        let failedAt = Timestamp(microseconds: 1_795_252_802_000_000)
        bodies.append(RequestMessage.encode(handle, cause: .workgroupUnknown, failedAt: failedAt))
        #expect(try await Self.complaints(about: bodies) == bodies.map { _ in "" })
        for (change, body) in zip(Self.changes, bodies) { #expect(try RequestMessage(body) == .change(change)) }
        #expect(try RequestMessage(bodies[Self.changes.count]) == .retry(handle))
    }

    @Test func `the examples are what is written, one of each kind, and fit the schema`() async throws {
        let page = try String(contentsOf: Self.docs.appending(path: "request-message.md"), encoding: .utf8)
        let examples = page.components(separatedBy: "```json\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }.map { Array($0.utf8) }
        #expect(try await Self.complaints(about: examples) == examples.map { _ in "" })
        var kinds: [ChangeKind] = []
        var handles = 0
        for example in examples {
            let written: [UInt8]
            switch try RequestMessage(example) {
            case .change(let change):
                kinds.append(change.kind)
                written = RequestMessage.encode(change)
            case .retry(let handle):
                handles += 1
                let failedAt = try #require(Timestamp("2026-11-21T09:20:02Z"))
                written = RequestMessage.encode(handle, cause: .workgroupUnknown, failedAt: failedAt)
            }
            #expect(try Self.members(written) == Self.members(example))
        }
        #expect(Set(kinds) == Set(ChangeKind.allCases) && kinds.count == ChangeKind.allCases.count)
        #expect(handles == 1)
    }

    @Test func `the schema accepts what only looks unusual`() async throws {
        let bodies = Self.bodies(Self.accepted)
        for body in bodies { #expect(throws: Never.self) { try RequestMessage(body) } }
        #expect(try await Self.complaints(about: bodies) == bodies.map { _ in "" })
    }

    @Test func `the schema refuses what is refused`() async throws {
        let bodies = Self.bodies(Self.refused)
        for (edit, body) in zip(Self.refused, bodies) {
            #expect(throws: UnreadableMessage.self, "\(edit)") { try RequestMessage(body) }
        }
        for (edit, complaint) in zip(Self.refused, try await Self.complaints(about: bodies)) {
            #expect(complaint != "", "\(edit)")
        }
    }

    // MARK: Messages

    private typealias Edit = (base: String, old: String, new: String)

    /// Each base with one text replaced.
    private static func bodies(_ edits: [Edit]) -> [[UInt8]] {
        edits.map { edit in
            #expect(edit.base.contains(edit.old), "\(edit) replaces nothing")
            return Array(edit.base.replacing(edit.old, with: edit.new).utf8)
        }
    }

    private static let change = #"""
        {"specversion":"1.0","id":"o:a0BHs000004TmLaMAK","source":"/orgs/main","type":"caserouter.case.created.v1",
        "subject":"500Hs00001kP3xQIAS","time":"2026-11-21T09:14:07Z",
        "data":{"version":12,"owner":"00GHs000000qWe1MAE","skills":"a","caseNumber":"1","priority":"p","closed":false}}
        """#
    private static let observed = #"""
        {"specversion":"1.0","id":"s:500Hs00001kP3xQIAS:5:0","source":"/orgs/main","subject":"500Hs00001kP3xQIAS",
        "type":"caserouter.case.observed.v1","time":"2026-11-21T09:14:07Z",
        "data":{"version":5,"owner":"00GHs000000qWe1MAE","comparedWith":0}}
        """#
    private static let handle = #"""
        {"specversion":"1.0","id":"h","source":"/orgs/main","type":"caserouter.retry.v1","subject":"500Hs00001kP3xQIAS",
        "data":{"failure":3}}
        """#

    private static let accepted: [Edit] = [
        (change, change, change), (observed, observed, observed), (handle, handle, handle),
        (change, #""specversion""#, #""traceparent":"00-1","dataschema":null,"specversion""#),
        (change, #""version""#, #""minor":{"new":[1]},"version""#),
        (change, "500Hs00001kP3xQIAS", "500Hs00001kP3xQ"),
        (change, "09:14:07Z", "09:14:07.123456789+01:30"), (change, "09:14:07Z", "09:14:60-0800"),
        (change, #""owner""#, #""row":null,"actor":"","previousOwner":null,"owner""#),
        (change, #","skills":"a","caseNumber":"1","priority":"p","closed":false"#, ""),
        (change, #""a""#, "\"\(String(repeating: "x", count: 4_000))\""),
        (change, #""version":12"#, #""version":9223372036854775807,"versionEpoch":-2147483648"#),
        (observed, #""comparedWith":0"#, #""comparedWith":0,"comparedVersion":3"#),
        (observed, #""comparedWith":0"#, #""comparedWith":0,"asked":true"#),
        (handle, #""h""#, #""""#), (handle, #""failure":3"#, #""failure":2147483647,"cause":["x"]"#),
    ]

    private static let refused: [Edit] =
        renamed.map { (change, "\"\($0)\"", "\"other\"") } + refusedChanges.map { (change, $0, $1) }
        + refusedOthers

    /// Members that are needed.
    private static let renamed = ["specversion", "id", "source", "type", "subject", "time", "data", "version", "owner"]

    private static let refusedChanges: [(old: String, new: String)] = [
        (#""1.0""#, #""0.3""#),
        (#""1.0""#, "1.0"),
        ("/orgs/main", "main"),
        ("/orgs/main", "/orgs/\(String(repeating: "x", count: 75))"),
        ("/orgs/main", #"/orgs/\u0000"#),
        (".v1", ".v2"),
        ("created", "exploded"),
        ("caserouter.case.created.v1", "caserouter"),
        ("o:a0BHs000004TmLaMAK", ""),
        ("o:a0B", #"\u0000"#),
        ("o:a0B", "\(String(repeating: "x", count: 110))"),
        ("500Hs00001kP3xQIAS", "500Hs00001kP3xQI"),
        ("500Hs00001kP3xQIAS", "500Hs00001kP-xQ"),
        ("500Hs00001kP3xQIAS", ""),
        ("500Hs00001kP3xQIAS", "500Hs00001kP3xQIA9"),
        ("00GHs000000qWe1MAE", "Billing"),
        (#""00GHs000000qWe1MAE""#, "null"),
        ("2026-11-21T09:14:07Z", "2026-11-21"),
        ("2026-11-21T", "2026-13-21T"),
        ("2026-11-21T", "1969-11-21T"),
        ("09:14:07Z", "09:14:07"),
        ("T09", "T24"),
        ("07Z", "07.Z"),
        ("07Z", "07+15:00"),
        (#""2026-11-21T09:14:07Z""#, "5"),
        (#""version":12"#, #""version":-1"#),
        (#""version":12"#, #""version":"12""#),
        (#""version":12"#, #""version":1.5"#),
        (#""version":12"#, #""version":9223372036854775808"#),
        (#""version":12"#, #""version":1,"versionEpoch":2147483648"#),
        (#""version":12"#, #""version":1,"versionEpoch":null"#),
        (#""a""#, "\"\(String(repeating: "x", count: 4_001))\""),
        (#""a""#, #""\u0000""#),
        (#""a""#, "null"),
        (#""p""#, "\"\(String(repeating: "x", count: 256))\""),
        (#""1""#, "\"\(String(repeating: "1", count: 65))\""),
        (#""1""#, "1"),
        ("false", "null"),
        ("false", #""no""#),
        (#""owner""#, #""row":"x","owner""#),
        (#""owner""#, #""actor":5,"owner""#),
        (#""owner""#, #""previousOwner":"00G","owner""#),
        (#""data":{"#, #""data":[],"other":{"#),
    ]

    private static let refusedOthers: [Edit] = [
        (observed, #","comparedWith":0"#, ""),
        (observed, #""comparedWith":0"#, #""comparedWith":null"#),
        (observed, #""comparedWith":0"#, #""comparedWith":0,"comparedVersion":"5""#),
        (observed, #""comparedWith":0"#, #""comparedWith":0,"asked":"yes""#),
        (handle, #""failure":3"#, ""),
        (handle, #""failure":3"#, #""failure":0"#),
        (handle, #""failure":3"#, #""failure":2147483648"#),
        (handle, #""failure":3"#, #""failure":"3""#),
        (handle, #""failure":3"#, #""failure":3,"closed":0"#),
        (handle, "retry.v1", "retry.v2"),
        (handle, #""h""#, "7"),
        (handle, handle, "[]"),
        (handle, handle, "7"),
    ]

    private static let caseID = id("500Hs00001kP3xQIAS")
    private static let queueID = id("00GHs000000qWe1MAE")
    private static let userID = id("005Hs000001aNn4IAE")
    private static let rowID = id("a0BHs000004TmLaMAK")

    private static func id(_ text: String) -> RecordID {
        do { return try RecordID(text) } catch { preconditionFailure("\(text) is \(error)") }
    }

    private static func members(_ body: [UInt8]) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(body)) as? NSDictionary)
    }

    // MARK: The schema

    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")

    /// For each message what `jsonschema` says against it, empty when nothing.
    private static func complaints(about bodies: [[UInt8]]) async throws -> [String] {
        let python = try #require(
            ProcessInfo.processInfo.environment["CASEROUTER_TEST_PYTHON"],
            "CASEROUTER_TEST_PYTHON names the Python with jsonschema in it")
        let folder = FileManager.default.temporaryDirectory.appending(path: "request-schema-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        for (number, body) in bodies.enumerated() { try Data(body).write(to: folder.appending(path: "\(number).json")) }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", script, docs.appending(path: "request.schema.json").path, folder.path]
        let output = Pipe()
        process.standardOutput = output
        let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        try #require(status == 0)
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// One line for each file: what is wrong, cut so that no answer exceeds what a pipe holds.
    private static let script = """
        import json, pathlib, sys
        from jsonschema import Draft202012Validator
        schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        folder = pathlib.Path(sys.argv[2])
        for number in range(len(list(folder.iterdir()))):
            message = json.loads((folder / f"{number}.json").read_text())
            errors = [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(message)]
            print("; ".join(errors)[:300])
        """
}
