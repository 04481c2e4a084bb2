import CaseRouting
import Operations
import Testing

/// FIELD=VALUE as commands take it.
@Suite struct SettingNodeTests {
    private static let server = SettingNode.section([
        ("name", .text("main")), ("hosts", .list([.text("a:1")])), ("attributes", .section([("X", .text("1"))])),
    ])

    @Test func `a field is set, a list is split, a member of a section is reached`() throws {
        #expect(try Self.server.setting("hosts=b:1, c:2").differences(from: Self.server) == ["hosts: a:1 → b:1;c:2"])
        #expect(
            try Self.server.setting("attributes.Y=k=v").differences(from: Self.server) == [
                "attributes: X=1 → X=1, Y=k=v"
            ])
        #expect(try Self.server.setting("holding=H").differences(from: Self.server) == ["holding: H"])
    }

    @Test func `an empty value takes a field away`() throws {
        #expect(try Self.server.setting("attributes.X=").differences(from: Self.server) == ["attributes: X=1 → none"])
        #expect(try Self.server.setting("hosts=").differences(from: Self.server) == ["hosts: a:1 → none"])
    }

    @Test func `a word without an equals sign is refused`() {
        for word in ["hosts", "=x", ""] {
            #expect(throws: Refusal.self) { try Self.server.setting(word) }
        }
    }
}
