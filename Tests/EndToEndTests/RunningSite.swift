import Foundation
import TestSupport
import Testing

/// A site that is live between simulated neighbours, with an ingest and two routing workers that run on whatever is typed.
struct RunningSite {
    let installation: Installation
    let neighbours: SimulatedNeighbours
    let workers: [RunningWorker]

    /// - Parameter orgs: each live, with its queue Support mapped to workgroup Support and Sales to Sales; Billing is not
    ///   mapped.
    /// - Parameter people: users of CIC who belong to no workgroup and do nothing before they are told to.
    static func with(
        orgs: [String] = ["acme"], people: [String] = [], _ body: (RunningSite) async throws -> Void
    ) async throws {
        try await Installation.with { installation in
            let names = ["Support", "Sales", "Billing"]
            let neighbours = try await SimulatedNeighbours.start(
                in: installation, orgs: orgs, queues: names, workgroups: names, skills: ["German"],
                people: people)
            var lines = ["orgs:"]
            for (number, org) in orgs.enumerated() {
                lines.append(
                    "  - {name: \(org), login_url: 'http://127.0.0.1:\(neighbours.orgs[org] ?? 0)', "
                        + "organization_id: 00D00000000000\(number + 1)EAA, mode: live}")
            }
            lines += [
                "cic:", "  - {name: main, hosts: ['127.0.0.1:\(neighbours.cicPort)'], tls: false, holding: Holding}",
            ]
            lines.append("mappings:")
            for org in orgs {
                lines += ["Support", "Sales"].map { "  - {org: \(org), queue: \($0), cic: main, workgroup: \($0)}" }
            }
            try await installation.apply(lines.joined(separator: "\n"))
            let secrets =
                orgs.map {
                    ("org:\($0)", #"{"client_id": "case-router", "client_secret": "\#(SimulatedNeighbours.secret)"}"#)
                } + [("cic:main", #"{"user": "caserouter", "password": "\#(SimulatedNeighbours.password)"}"#)]
            for (target, secret) in secrets {
                let set = try await installation.run(["credentials", "set", target, "--unverified"], input: secret)
                try #require(set.status == 0, "\(set.errors)")
            }
            let site = RunningSite(
                installation: installation, neighbours: neighbours,
                workers: [
                    try await installation.start("ingest"), try await installation.start("route", name: "route-1"),
                    try await installation.start("route", name: "route-2"),
                ])
            try await eventually("the orgs are subscribed to and CIC's names are read") {
                let log = try site.workers[0].log
                let read = try await installation.query("SELECT cic FROM caserouter.directory_reads")
                return log.components(separatedBy: "org subscribed").count > orgs.count && read == ["main"]
            }
            try await body(site)
            #expect(site.workers.allSatisfy { $0.process.exitStatus == nil }, "a worker ended")
            // They end with their values.
            withExtendedLifetime(site) {}
        }
    }

    /// Runs a command, and returns what it says.
    @discardableResult
    func type(_ words: [String], input: String = "", expecting status: Int32 = 0) async throws -> String {
        let outcome = try await installation.run(words, input: input)
        #expect(outcome.status == status, "\(words): \(outcome.output)\(outcome.errors)")
        return outcome.output + outcome.errors
    }

    /// Runs a command that changes what is set up, and returns what it says and how long the slowest
    /// worker took to take it over.
    func change(_ words: [String], input: String = "") async throws -> (took: Duration, said: String) {
        let said = try await type(words, input: input)
        let begin = ContinuousClock.now
        let version = try await installation.query("SELECT version::text FROM caserouter.configuration_version")[0]
        try await eventually("all workers have version \(version)") {
            try workers.allSatisfy { try $0.log.contains("configuration changed version=\(version) ") }
        }
        return (ContinuousClock.now - begin, said)
    }

    /// Returns when the case waits for an agent of the workgroup.
    func waits(_ number: String, on workgroup: String, of org: String = "acme") async throws {
        try await eventually("case \(number) of \(org) waits on \(workgroup)") {
            try await place(of: number, org) == [workgroup]
        }
    }

    /// Where CIC was brought to with the case; empty: nowhere.
    func place(of number: String, _ org: String = "acme") async throws -> [String] {
        try await installation.query(
            """
            SELECT e.workgroup FROM caserouter.cases c JOIN caserouter.episodes e USING (org, case_id)
            WHERE c.case_number = '\(number)' AND c.org = '\(org)' AND e.state = 'placed'
            """)
    }

    /// Returns when the newest request of the case was decided by this rule.
    func decided(_ number: String, by rule: String) async throws {
        try await eventually("case \(number) is decided by \(rule)") {
            try await installation.query(
                """
                SELECT coalesce(r.rule, '') FROM caserouter.cases c JOIN caserouter.requests r USING (org, case_id)
                WHERE c.case_number = '\(number)' ORDER BY r.number DESC LIMIT 1
                """) == [rule]
        }
    }
}
