import CaseRouting
import Testing

struct RecordIDTests {
    /// Pairs as Salesforce shows them; the last three characters tell upper case from lower.
    @Test(arguments: [
        ("001A0000006Vm9r", "001A0000006Vm9rIAC"), ("500000000000000", "500000000000000AAA"),
        ("00GABCDEABCDEFG", "00GABCDEABCDEFG255"), ("0057F000001abcd", "0057F000001abcdQAA"),
    ])
    func `fifteen characters become eighteen`(_ pair: (short: String, long: String)) throws {
        #expect(try RecordID(pair.short).description == pair.long)
        #expect(try RecordID(pair.long) == RecordID(pair.short))
    }

    @Test(arguments: [
        "", "00", "001A0000006Vm9", "001A0000006Vm9rI", "001A0000006Vm9rIACA", "001A0000006Vm9rIAD",
        "001A0000006Vm9rAAA",
        "001A0000006Vm9-", "001A0000006Vm9é", "001A0000006Vm9 ", " 01A0000006Vm9r", "001a0000006vm9rIAC",
    ])
    func `what is no id is refused`(_ text: String) {
        #expect(throws: InvalidRecordID.self) { try RecordID(text) }
    }

    @Test func `the prefix tells users from queues`() throws {
        let user = try RecordID("005000000000001")
        let queue = try RecordID("00G000000000001")
        #expect(user.isUser && !user.isQueue)
        #expect(queue.isQueue && !queue.isUser)
    }

    @Test func `ids that differ in case only are two`() throws {
        #expect(try RecordID("500A0000000000a") != RecordID("500A0000000000A"))
    }
}
