import Foundation
import Simulators
import Testing

@testable import caserouter_dev

/// The tables of `docs/campaign.md` that say which switch of a simulator is used where.
struct SwitchTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

    /// The rows of the table of one simulator: the switches, and where each is used.
    private static func table(of simulator: String) throws -> [(switches: String, uses: String)] {
        let text = try String(contentsOf: root.appending(path: "docs/campaign.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "## Which switch is used where").last)
        let table = try #require(section.firstRange(of: "| \(simulator) | |\n"))
        return section[table.upperBound...].split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
            .prefix { $0.hasPrefix("|") }
            .compactMap { row in
                let cells = row.split(separator: "|")
                return cells.count == 2 ? (String(cells[0]), String(cells[1])) : nil
            }
    }

    private static func keys(_ value: some Encodable) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value))
        return Set(try #require(object as? [String: Any]).keys)
    }

    @Test func `every switch of the CIC simulator is used somewhere, or it is said why not`() throws {
        let rows = try Self.table(of: "CIC")
        let named = rows.map(\.switches).joined()
        let places: Set = ["server", "hosts", "ledgerPath"]
        for key in try Self.keys(CICSimulatorConfiguration()).subtracting(places).union(["tls", "attributeKeys"]) {
            #expect(named.contains("`\(key)`"), "\(key) has no row")
        }
        for key in try Self.keys(CICHandlerSettings()) {
            #expect(rows.contains { $0.switches.contains("`handler`") && $0.uses.contains("`\(key)`") }, "\(key)")
        }
    }

    @Test func `every kind and test that a switch is used by is there`() throws {
        let kinds = Set(FaultKind.allCases.map(\.rawValue))
        for (switches, uses) in try Self.table(of: "CIC") {
            for match in uses.matches(of: /`([a-z]+(?:-[a-z]+)+)`/) {
                let name = String(match.1)
                #expect(kinds.contains(name) || ["cic-east", "cic-west"].contains(name), "\(name) of\(switches)")
            }
            for match in uses.matches(of: /`(\w+Tests\/[^`]+\.swift)`: \*([^*]+)\*/) {
                let file = Self.root.appending(path: "Tests/\(match.1)")
                let source = try String(contentsOf: file, encoding: .utf8)
                #expect(source.contains("func `\(match.2)`"), "\(match.1) has no test “\(match.2)”")
            }
        }
    }

    @Test func `the habits of the servers are switches that their simulator has`() throws {
        let keys = try Self.keys(CICSimulatorConfiguration()).union(["attributeKeys"])
        for habits in CampaignSite.habits.values { #expect(keys.isSuperset(of: habits.keys)) }
    }
}
