import Checker
import Foundation
import Testing

@Suite struct LedgerTests {
    private let ledgers: WrittenLedgers

    init() throws { ledgers = try WrittenLedgers() }

    @Test func `a hole in a ledger is no verdict`() throws {
        ledgers.raw(#"{"n":1,"at":1,"kind":"request"}"#)
        ledgers.raw(#"{"n":3,"at":1,"kind":"request"}"#)
        let error = try #require(throws: LedgerError.self) { try ledgers.verdict() }
        #expect(error.line == 2)
        #expect(error.problem == "is number 3 after number 1: the ledger has a hole")
    }

    @Test func `a simulator that was started again goes on in the same ledger`() throws {
        ledgers.raw(#"{"n":1,"at":1,"kind":"request"}"#)
        ledgers.raw(#"{"n":1,"at":2,"kind":"request"}"#)
        #expect(try ledgers.verdict().cases == 0)
    }

    @Test(arguments: [
        #"{"n":1,"at":1,"kind":"case""#, #"{"n":1,"at":1,"kind":"case"}"#, #"{"n":1,"at":1}"#, "not JSON", "",
        #"{"n":1,"at":1,"kind":"row","org":1,"case":"5","change":"x","row":"r"}"#,
        #"{"n":1,"at":1,"kind":"request","deep":"# + String(repeating: "[", count: 40) + "}",
        #"{"n":1,"at":1,"kind":"request"} {}"#, #"{"n":-1,"at":1,"kind":"request"}"#,
        #"{"n":1,"at":1,"kind":"request","text":"\"#,
    ])
    func `a line that is not what the format says is no verdict`(line: String) throws {
        ledgers.raw(line)
        #expect(throws: LedgerError.self) { try ledgers.verdict() }
    }

    @Test func `a ledger that does not exist is no verdict`() {
        let error = #expect(throws: LedgerError.self) {
            try Verdict(site: WrittenLedgers.site, salesforce: ["/nowhere/ledger"], cic: [])
        }
        #expect(error?.description == "/nowhere/ledger cannot be opened: No such file or directory")
    }

    @Test func `a line that is being written is not read yet`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "checker-\(UUID().uuidString)").path
        try #"{"n":1,"at":1,"kind":"request"}"#.appending("\n{\"n\":2,\"at").write(
            toFile: path, atomically: true, encoding: .utf8)
        defer { unlink(path) }
        #expect(try Verdict(site: WrittenLedgers.site, salesforce: [path], cic: [path]).rows == 0)
    }

    @Test func `escapes, blanks, nested values and long lines are read`() throws {
        let long = String(repeating: "x", count: 3 << 20)
        ledgers.raw(
            #"{ "n" : 1, "at":1, "kind":"case","org":"o","case":"5","number":"\u00e9\"1","change":"created","#
                + #""owner":"q","closed":true,"deleted":false,"other":[{"case":"wrong"},[1.5e3,null]],"long":"\#(long)"}"#
        )
        #expect(try ledgers.verdict().cases == 1)
    }

    @Test func `every one of ten thousand cases is judged`() throws {
        for number in 0..<10_000 {
            let id = "500" + String(format: "%012d", number) + "AAA"
            ledgers.changed("created", at: Double(number), case: id)
            if number % 1000 != 7 { ledgers.interaction("\(number)", "moved", at: Double(number) + 0.5, case: id) }
            if number % 5000 == 8 { ledgers.interaction("c\(number)", "copied", at: 20_000, case: id) }
        }
        let verdict = try ledgers.verdict()
        #expect(verdict.cases == 10_000)
        #expect(verdict.lost.count == 10)
        #expect(verdict.doubled.map(\.caseID) == ["500000000000008", "500000000005008"])
    }
}
