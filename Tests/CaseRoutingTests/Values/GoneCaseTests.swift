import CaseRouting
import TestSupport
import Testing

struct GoneCaseTests {
    @Test(arguments: [ChangeKind.deleted, .merged])
    func `a case that is gone is not left waiting because its row does not say closed`(kind: ChangeKind) throws {
        let gone = Sample.change(kind, 11, isClosed: false)
        #expect(gone.isClosed)
        guard case .change(let read) = try RequestMessage(RequestMessage.encode(gone)) else {
            Issue.record("no change was read")
            return
        }
        #expect(read.isClosed)
    }
}
