import ArgumentParser
import CaseRouting
import Operations
import Postgres
import Store

/// Options of commands that save names.
struct CheckOptions: ParsableArguments {
    @Flag(
        help: """
            Save names although Salesforce or CIC did not have them when workers read them last. Cases fail, visibly, while \
            a name is wrong.
            """)
    var unchecked = false
}

/// What the commands that keep a site's setup work with.
struct SetupSession: Sendable {
    let keep: KeepSetup
    let store: PostgresConfigurationStore
    let counts: PostgresCaseCounts

    static func with<Value: Sendable>(
        unchecked: Bool = false, _ body: @escaping @Sendable (SetupSession) async throws -> Value
    ) async throws -> Value {
        try await withDatabase(try Surroundings()) { database in
            let store = PostgresConfigurationStore(database: database)
            let names = unchecked ? nil : PostgresNameMirrors(database)
            return try await body(
                SetupSession(
                    keep: KeepSetup(store: store, names: names, check: SiteCheck.check), store: store,
                    counts: PostgresCaseCounts(database)))
        }
    }
}

/// One line that says what was done and how to undo it, and what is worth knowing besides.
struct ChangeReport {
    let done: KeepSetup.Done
    let undo: String
    var more: [String] = []

    func print(json: Bool) throws {
        if json {
            struct Document: Encodable {
                let changed, undo: String
                let differences, notes: [String]
            }
            let document = Document(
                changed: done.change.target, undo: undo, differences: done.differences, notes: done.notes + more)
            return Swift.print(try JSONText.encode(document))
        }
        let what =
            switch (done.before, done.change.after) {
            case (nil, _): "added"
            case (_, nil): "removed"
            default: "changed (\(done.differences.joined(separator: ", ")))"
            }
        Swift.print("\(done.change.target): \(what); undo: \(undo)".oneLine)
        for note in done.notes + more { Swift.print("note: \(note)".oneLine) }
    }
}

extension KeepSetup.Done {
    /// The FIELD=VALUE words that bring back what was there before.
    func words(without skipped: Set<String> = []) -> String {
        before?.words(butFor: change.after, without: skipped).joined(separator: " ") ?? ""
    }
}

extension SettingNode {
    /// FIELD=VALUE for the members that differ from `other`; all when there is no other.
    func words(butFor other: SettingNode?, without skipped: Set<String>) -> [String] {
        guard case .section(let members) = self else { return [] }
        var others: [(name: String, value: SettingNode)] = []
        if case .section(let known)? = other { others = known }
        var words: [String] = []
        for (name, value) in members where !skipped.contains(name) {
            let now = others.first { $0.name == name }?.value
            if value == now { continue }
            if case .section(let inner) = value {
                words += inner.map { shellWord("\(name).\($0.name)=\($0.value.word)") }
            } else {
                words.append(shellWord("\(name)=\(value.word)"))
            }
        }
        for (name, value) in others where !members.contains(where: { $0.name == name }) && !skipped.contains(name) {
            if case .section(let inner) = value {
                words += inner.map { shellWord("\(name).\($0.name)=") }
            } else {
                words.append("\(name)=")
            }
        }
        return words
    }

    private var word: String {
        switch self {
        case .text(let text): text
        case .list(let list): list.map(\.word).joined(separator: ",")
        case .section: ""
        }
    }
}
