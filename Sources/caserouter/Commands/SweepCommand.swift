import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Postgres
import Store

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Looks for missed changes and waiting cases of an org now.",
        discussion: """
            Compares all of the org with what Case Router holds, and offers cases that wait in a monitored queue although \
            nothing changed since: the queue is newly mapped, or the org was taken live. Cases that an agent has finished \
            or answered are not offered again. The ingest worker that holds the org begins within a few seconds.
            """)

    @Argument(help: "The org's name.")
    var org: String

    @Option(help: "Name or id of a monitored queue: of waiting cases only those of this queue are offered.")
    var queue: String?

    @Flag(help: "Print what would be published, and change nothing. Waits for the worker, at most 10 minutes.")
    var dryRun = false

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            let (org, queue, isDryRun, author, json) = (org, queue, dryRun, common.author, common.json)
            let output = try await withDatabase(try Surroundings()) { database in
                let store = SweepRequests(database)
                let stored = try await PostgresConfigurationStore(database: database).load()
                let setup = try stored.org(org)
                let mapping = try queue.map { try stored.monitoredQueue($0, of: org) }
                let id = try await store.ask(org, queue: mapping?.queueID, isDryRun: isDryRun, by: author)
                let isHeld = try await store.isHeld(org)
                guard isDryRun else {
                    return Self.sentence(setup, mapping, isHeld: isHeld, json: json)
                }
                guard isHeld else {
                    throw RoutingFailure(
                        .transient, at: .salesforce, cause: .configuration,
                        "No ingest worker holds \(org) now: start `caserouter ingest`, or see its log.")
                }
                guard let found = try await store.wait(for: id) else {
                    throw RoutingFailure(
                        .transient, at: .salesforce, cause: .salesforceError,
                        "The dry run of \(org) was not finished within 10 minutes; the log of the ingest worker says why."
                    )
                }
                return try found.text(org, stored, json: json)
            }
            print(output)
        }
    }

    private static func sentence(_ setup: OrgSetup, _ mapping: StoredMapping?, isHeld: Bool, json: Bool) -> String {
        if json {
            return
                "{\"asked\":\(JSONText.string(setup.name)),\"begins\":\"\(isHeld ? "now" : "with the next worker")\"}"
        }
        let what = mapping.map { "cases that wait in \($0.setup.queue)" } ?? "cases that wait in its monitored queues"
        var text = "\(setup.name): a sweep is asked for; it offers \(what)"
        if setup.mode == .observe { text = "\(setup.name): a sweep is asked for; in mode observe it offers nothing" }
        if !isHeld { text += "; it begins when an ingest worker holds the org" }
        return text + ". What is offered is taken back in Salesforce only; --dry-run shows it before."
    }
}

extension StoredConfiguration {
    /// The enabled mapping of a queue by its name or id.
    fileprivate func monitoredQueue(_ name: String, of org: String) throws -> StoredMapping {
        let own = monitoredQueues(of: org)
        let id: RecordID?
        do throws(InvalidRecordID) { id = try RecordID(name) } catch {
            id = nil  // A name.
        }
        guard let found = own.first(where: { $0.setup.queue == name || id != nil && $0.queueID == id }) else {
            throw Refusal.unknown("monitored queue of \(org)", name, among: own.map(\.setup.queue).sorted())
        }
        guard found.queueID != nil else {
            throw Misconfigured(
                "no queue named \(name) was seen in Salesforce yet; an ingest worker reads the names at its start and hourly"
            )
        }
        return found
    }
}

/// What a dry run found.
struct DryRun: Sendable {
    struct Finding: Encodable, Sendable {
        let change, why, case_id, case_number, owner: String
    }

    let compared, rows, observed, waiting, occurrences: Int32
    let findings: [Finding]

    private var total: Int { Int(rows) + Int(observed) + Int(occurrences) }

    private struct JSON: Encodable {
        let org: String
        let dry_run = true
        let compared, rows, observed, waiting, occurrences: Int32
        let would_publish: [Finding]
    }

    func text(_ org: String, _ stored: StoredConfiguration, json: Bool) throws -> String {
        if json {
            return try JSONText.encode(
                JSON(
                    org: org, compared: compared, rows: rows, observed: observed, waiting: waiting,
                    occurrences: occurrences, would_publish: findings))
        }
        let counts = "\(total) would be published, \(waiting) of them waiting cases; \(compared) cases were compared"
        let heading = "\(org): dry run: \(counts); nothing was changed"
        if findings.isEmpty { return heading }
        let names = Dictionary(
            stored.mappings.compactMap { mapping in mapping.queueID.map { ($0.description, mapping.setup.queue) } },
            uniquingKeysWith: { first, _ in first })
        var table = TextTable(["case", "change", "owner", "why"])
        for one in findings {
            table.add([
                one.case_number.isEmpty ? one.case_id : one.case_number, one.change, names[one.owner] ?? one.owner,
                Self.words[one.why] ?? one.why,
            ])
        }
        let rest = total > findings.count ? "\nand \(total - findings.count) more" : ""
        return heading + "\n" + table.text + rest
    }

    private static let words = [
        SweepFinding.Why.row.rawValue: "its row was missed",
        SweepFinding.Why.differs.rawValue: "differs from what is held",
        SweepFinding.Why.waits.rawValue: "waits", SweepFinding.Why.occurrence.rawValue: "was missed",
    ]
}
