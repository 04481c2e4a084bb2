import ArgumentParser
import CaseRouting
import Foundation
import Logging
import Operations
import Polling
import Postgres
import Store

/// The exit codes that mean the same in every command.
extension ExitCode {
    /// Not done, or something needs attention.
    static let notDone = ExitCode(1)
    static let configuration = ExitCode(78)
}

/// Options that every operator command has.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON; errors are JSON on standard error.")
    var json = false

    @Option(name: .long, help: "Who does this, for the audit. By default the login name.")
    var actor: String?

    var author: Author { Author(name: actor ?? NSUserName(), host: Surroundings.host) }
}

/// Runs a command's body and turns what it throws into one sentence and an exit code.
func perform(json: Bool, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let exit as ExitCode {
        throw exit
    } catch let error as Refusal {
        throw complain(error.description, json, error.kind == .usage ? .validationFailure : .notDone)
    } catch let error as Misconfigured {
        throw complain(error.description, json, .configuration)
    } catch let error as SettingError {
        throw complain(error.description, json, .configuration)
    } catch let error as MasterKeys.Problem {
        throw complain(error.description, json, .configuration)
    } catch let error as RoutingFailure {
        throw complain(error.summary, json, error.kind == .configuration ? .configuration : .notDone)
    } catch let error as PostgresError {
        throw complain(error.whole, json, error.kind == .permission ? .configuration : .notDone)
    }
}

extension PostgresError {
    /// With the role that has a right which is missing; who cannot log in at all lacks something else.
    fileprivate var whole: String {
        sqlState == "42501" ? "\(text): this needs a log-in that was granted the role caserouter_admin" : description
    }
}

/// Says it on standard error.
func complain(_ sentence: String, _ json: Bool, _ code: ExitCode) -> ExitCode {
    let text = json ? "{\"error\":\(JSONText.string(sentence))}\n" : "caserouter: \(sentence)\n"
    FileHandle.standardError.write(Data(text.utf8))
    return code
}

/// Opens the database for one command and closes it after.
func withDatabase<Value: Sendable>(
    _ surroundings: Surroundings, _ settings: PostgresSettings = PostgresSettings(applicationName: "caserouter"),
    _ body: @escaping @Sendable (PostgresDatabase) async throws -> Value
) async throws -> Value {
    let loop = PollExecutor(name: "caserouter")
    let database = PostgresDatabase(try surroundings.database, settings, on: loop, sessions: 1)
    async let sessions: Void = database.run()
    let result: Result<Value, any Error>
    do {
        try await database.waitUntilUp(atMost: .seconds(10))
        result = .success(try await body(database))
    } catch {
        result = .failure(error)
    }
    await database.close()
    await sessions
    return try result.get()
}

extension String {
    /// Text from elsewhere, fit for a line of a terminal.
    var oneLine: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : $0 }))
    }
}

/// JSON that commands print.
enum JSONText {
    static func string(_ text: String) -> String {
        // A string always encodes.
        String(decoding: (try? JSONEncoder().encode(text)) ?? Data("\"\"".utf8), as: UTF8.self)
    }

    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
