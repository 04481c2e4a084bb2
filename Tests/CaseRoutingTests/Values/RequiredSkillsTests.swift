import CaseRouting
import Testing

struct RequiredSkillsTests {
    @Test(
        arguments: [
            ("", []), (";;", []), ("French", ["French"]), (" French ; English ", ["French", "English"]),
            ("French;French; french", ["French", "french"]), ("Level 2;Gold", ["Level 2", "Gold"]),
        ] as [(String, [String])])
    func `a field is split at semicolons, names keep their case`(_ sample: (field: String, names: [String])) throws {
        #expect(try RequiredSkills(field: sample.field).names == sample.names)
    }

    @Test(arguments: ["A|B", "A\nB", "A\u{7F}", "\u{1}"])
    func `characters that the handler cannot take fail the case`(_ field: String) {
        #expect { try RequiredSkills(field: field) } throws: { error in
            (error as? RoutingFailure)?.cause == .skillsMalformed && (error as? RoutingFailure)?.kind == .permanent
        }
    }

    @Test func `a field longer than Salesforce's fails the case`() throws {
        #expect(try RequiredSkills(field: String(repeating: "a", count: 255)).names.count == 1)
        #expect { try RequiredSkills(field: String(repeating: "a", count: 256)) } throws: { error in
            (error as? RoutingFailure)?.cause == .skillsTooLong
        }
    }

    @Test func `a wish joins the mapping's skills and the case's`() {
        #expect(RequiredSkills.wish(mapping: "", case: "") == "")
        #expect(RequiredSkills.wish(mapping: "Gold", case: "\tFrench; Gold") == "Gold;French")
    }
}
