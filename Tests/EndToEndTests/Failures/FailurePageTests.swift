import Testing

/// Every cause has a page, and is injected for real by a test that runs the check of its page.
@Suite struct FailurePageTests {
    @Test func `every code in the source has a page, and every page a code`() throws {
        let codes = try FailurePage.codes()
        #expect(codes.count > 20)
        #expect(Set(codes).count == codes.count)
        #expect(try FailurePage.names().sorted() == codes.map { "\($0).md" }.sorted())
        for code in codes {
            let page = try FailurePage.text(code)
            #expect(page.hasPrefix("# \(code)\n"))
            #expect(page.matches(of: /(?m)^## (.*)$/).map { String($0.1) } == ["Meaning", "Check", "Fix"], "\(code)")
            #expect(try !FailurePage.commands(code).isEmpty)
        }
    }

    @Test func `every cause is injected by one of the tests of the pages`() throws {
        let injected =
            CICFailurePageTests.causes + SalesforceFailurePageTests.causes + OwnFailurePageTests.causes
        #expect(injected.sorted() == (try FailurePage.codes().sorted()))
    }
}
