import Foundation
import Testing

/// What the documents name has to be there.
@Suite struct PathTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func document(_ name: String) throws -> String {
        try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    @Test func `every file on the path of a case is there, and none is named twice`() throws {
        let files = try Self.document("path.md").matches(of: /(?m)^- `([^`]+)`/).map { String($0.1) }
        #expect(files.count > 40, "the path has lost most of its files")
        for file in files { #expect(Self.exists(file), "\(file) is on the path and not there") }
        #expect(Set(files).count == files.count)
    }

    @Test func `every test that holds a guarantee is there`() throws {
        let pattern = /`(\w+Tests\/[^`]+\.swift)`: \*([^*]+)\*/
        let named = try Self.document("guarantees.md").matches(of: pattern)
        #expect(named.count > 40, "the guarantees have lost most of their tests")
        for match in named + (try Self.document("protocol-simulation.md").matches(of: pattern)) {
            let (file, test) = (String(match.1), String(match.2).replacing("\n", with: " "))
            let path = Self.root.appending(path: "Tests/\(file)")
            guard let source = try? String(contentsOf: path, encoding: .utf8) else {
                // Missing; said in one sentence instead of with an error of the file system.
                Issue.record("\(file) holds a guarantee and is not there")
                continue
            }
            #expect(source.contains("func `\(test)`"), "\(file) has no test “\(test)”")
        }
    }

    @Test func `every test that stands for a kind of fault is there`() throws {
        let page = try Self.document("campaign.md")
        let switches = page.split(separator: "## Which switch is used where").dropFirst().joined()
            .split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(switches.count > 20, "the campaign has lost most of its switches")
        let faults = page.split(separator: "\n").filter { $0.hasPrefix("| F") }
        #expect(faults.count > 30, "the campaign has lost most of its faults")
        let rows = faults + switches
        for row in rows {
            var file = ""
            for match in row.matches(of: /`(\w+Tests\/[^`]+\.swift)`|\*(\w[^*]+)\*/) {
                if let named = match.1 {
                    file = String(named)
                    #expect(Self.exists("Tests/\(file)"), "\(file) stands for a fault and is not there")
                } else if let test = match.2 {
                    let source = try String(contentsOf: Self.root.appending(path: "Tests/\(file)"), encoding: .utf8)
                    #expect(source.contains("func `\(test)`"), "\(file) has no test “\(test)”")
                }
            }
        }
    }

    /// What the simulator can be told, by its page, and what the campaign says of it.
    @Test func `every switch of the Salesforce simulator is used by a fault, the site or a test`() throws {
        let simulator = try #require(try Self.document("simulators.md").split(separator: "## Salesforce").last)
        let control = try #require(simulator.split(separator: "### Control").last?.split(separator: "### Ledger").first)
        let pattern = /`(?:POST )?(?:\/control\/|\/)?([a-zA-Z\/]+)`/
        let names = control.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .flatMap { $0.split(separator: "|")[0].matches(of: pattern).map { String($0.1) } }
            .filter { !["faults", "GET", "DELETE"].contains($0) }
        #expect(names.count > 25, "the switches are told otherwise")
        let used = try #require(
            try Self.document("campaign.md").split(separator: "## Which switch is used where").last)
        let told = Set(
            used.split(separator: "\n").filter { $0.hasPrefix("| `") }
                .flatMap { $0.split(separator: "|")[0].matches(of: /`([^`]+)`/).map { String($0.1) } })
        for name in names { #expect(told.contains(name), "nothing is said of \(name)") }
    }

    @Test func `every model that the simulation is held against is run, and has to fail`() throws {
        let runs = try String(contentsOf: Self.root.appending(path: "Tests/Models/runs"), encoding: .utf8)
            .split(separator: "\n").map { $0.split(separator: " ") }
        let cells = try Self.document("protocol-simulation.md").split(separator: "\n")
            .filter { $0.contains(#/histor(y|ies), [\d,]+ cases?, /#) && $0.hasPrefix("|") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
            .filter { $0.count == 3 }.map { $0[2] }
        #expect(cells.count == 7, "the table of broken workers has lost some")
        for named in cells.flatMap({ $0.split(separator: ", ") }) where named != "–" {
            let words = named.split(separator: " ")
            let isRun = runs.contains { $0.dropFirst().first == "fails" && words.allSatisfy($0.dropFirst(2).contains) }
            #expect(isRun, "no run of a model that fails is “\(named)”")
        }
    }

    @Test func `every link between the documents leads somewhere`() throws {
        let pages = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "docs").path)
            .filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        #expect(pages.count >= 6)
        for page in pages + ["README.md"] {
            let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
            let folder = (page as NSString).deletingLastPathComponent
            for match in text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/) where !match.1.contains("://") {
                #expect(Self.exists("\(folder)/\(match.1)"), "\(page) links to \(match.1)")
            }
        }
    }
}
