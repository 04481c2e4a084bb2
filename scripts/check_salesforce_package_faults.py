"""The faults of the self-test: name, file, how it is broken, part of the sentence that must be printed."""

MAIN = "salesforce/force-app/main/default"
OBJECTS = f"{MAIN}/objects"
CLASSES = f"{MAIN}/classes"
DOCUMENT = "docs/salesforce-package.md"


def replace(*pairs):
    def change(path):
        text = path.read_text()
        for old, new in zip(pairs[::2], pairs[1::2]):
            if old not in text:
                raise SystemExit(f"self-test: {path.name} no longer contains {old!r}")
            text = text.replace(old, new)
        path.write_text(text)

    return change


def remove(path):
    path.unlink()


def add(path):
    path.write_text("A file that belongs elsewhere.\n")


FAULTS = [
    ("a misspelt element", f"{OBJECTS}/Routing_Request__c/Routing_Request__c.object-meta.xml",
     replace("<sharingModel>Private</sharingModel>", "<sharingModle>Private</sharingModle>"), "sharingModle"),
    ("elements in the wrong order", f"{OBJECTS}/Routing_Request__c/fields/Change__c.field-meta.xml",
     replace("    <label>Change</label>\n", "", "</CustomField>", "    <label>Change</label>\n</CustomField>"),
     "label"),
    ("a value the schema does not know", f"{OBJECTS}/Routing_Request__e/Routing_Request__e.object-meta.xml",
     replace("PublishAfterCommit", "PublishAfterwards"), "PublishAfterwards"),
    ("broken XML", f"{MAIN}/tabs/Routing_Request__c.tab-meta.xml", replace("</CustomTab>", ""), "not XML"),
    ("another type at the root", f"{MAIN}/customPermissions/Routing_Skip.customPermission-meta.xml",
     replace("CustomPermission", "CustomTab"), "root element"),
    ("a class without a bracket", f"{CLASSES}/RoutingOutbox.cls",
     replace("write(List<Routing_Request__c> rows) {", "write(List<Routing_Request__c> rows {"), "syntax error"),
    ("a class without its last brace", f"{CLASSES}/RoutingCatchUp.cls",
     lambda path: path.write_text(path.read_text().rstrip().removesuffix("}")), "syntax error"),
    ("a trigger without its object", f"{MAIN}/triggers/CaseRouting.trigger", replace("on Case(", "on ("),
     "syntax error"),
    ("a broken script", "salesforce/scripts/apex/purge-now.apex", replace("2000);", "2000;"), "syntax error"),
    ("a misspelt field in Apex", f"{CLASSES}/RoutingOutbox.cls", replace("Row_Created__c =", "Row_Createt__c ="),
     "Row_Createt__c does not exist"),
    ("a misspelt field in a query", f"{CLASSES}/RoutingCatchUp.cls", replace("SELECT Case_Id__c, Sequence__c",
     "SELECT Case_Id__c, Sequenz__c"),
     "Sequenz__c does not exist"),
    ("a query inside a loop", f"{CLASSES}/RoutingTriggerHandler.cls",
     replace("caseIds.add(note.ParentId);", "caseIds.add([SELECT Id FROM Case WHERE Id = :note.ParentId].Id);"),
     "inside a loop"),
    ("a save inside a loop", f"{CLASSES}/RoutingOutbox.cls",
     replace("ids.add(results[i].getId());", "update rows[i]; ids.add(results[i].getId());"), "inside a loop"),
    ("a publish inside a loop", f"{CLASSES}/RoutingOutbox.cls",
     replace("events.add(eventFor(rows.get(rowId)));", "EventBus.publish(eventFor(rows.get(rowId)));"),
     "inside a loop"),
    ("a variable that hides a constant", f"{CLASSES}/RoutingTriggerHandler.cls",
     replace("(CaseComment note :", "(CaseComment comment :"), "comment hides COMMENT"),
    ("a reserved word", f"{CLASSES}/RoutingOutbox.cls", replace("List<Id> ids = new", "List<Id> array = new"),
     "array is a reserved word"),
    ("a method that is not there", f"{MAIN}/triggers/CaseRouting.trigger",
     replace("Handler.onCases(", "Handler.onCase("),
     "RoutingTriggerHandler has no onCase"),
    ("a helper that is not there", f"{CLASSES}/RoutingTriggerHandler.cls",
     replace("masterOf(record) ==", "mastersOf(record) =="),
     "RoutingTriggerHandler has no mastersOf"),
    ("a private member used elsewhere", f"{CLASSES}/RoutingOutbox.cls",
     replace("public static void write(", "private static void write("),
     "RoutingOutbox.write is private"),
    ("a trigger on the outbox", f"{MAIN}/triggers/CaseRouting.trigger", replace("on Case(", "on Routing_Request__c("),
     "the write-back would fire it"),
    ("a class under another name", f"{CLASSES}/RoutingCatchUp.cls",
     replace("class RoutingCatchUp implements", "class CatchUp implements"), "declares CatchUp"),
    ("a class without its metadata", f"{CLASSES}/RoutingCatchUp.cls-meta.xml", remove, "has no -meta.xml"),
    ("metadata without its trigger", f"{MAIN}/triggers/CaseRouting.trigger", remove, "has no source file"),
    ("another API version", f"{CLASSES}/RoutingOutbox.cls-meta.xml", replace("62.0", "61.0"), "apiVersion 61.0"),
    ("a permission for no field", f"{MAIN}/permissionsets/Routing_Integration.permissionset-meta.xml",
     replace("Routing_Request__c.Skills__c", "Routing_Request__c.Skill__c"),
     "Routing_Request__c.Skill__c does not exist"),
    ("a layout with no such field", f"{MAIN}/layouts/Routing_Request__c-Routing Request Layout.layout-meta.xml",
     replace("Priority__c", "Prio__c"), "Prio__c does not exist"),
    ("a field that is gone", f"{OBJECTS}/Routing_Request__e/fields/Row_Id__c.field-meta.xml", remove,
     "describes Routing_Request__e.Row_Id__c, which does not exist"),
    ("a field longer than described", f"{OBJECTS}/Routing_Request__c/fields/Priority__c.field-meta.xml",
     replace("40</length>", "41</length>"), "Text(41) in the package"),
    ("a field the document leaves out", DOCUMENT, replace("| `ObjectRouting_Skills__c` |", "| Skills |"),
     "is not described"),
    ("a field only the document has", DOCUMENT, replace("| `Actor_Id__c` |", "| `Agent_Id__c` |"),
     "Agent_Id__c, which does not exist"),
    ("a change kind the document leaves out", DOCUMENT, replace("| `reopened` |", "| reopened |"),
     "change kinds differ: reopened"),
    ("a file of an unknown kind", f"{CLASSES}/notes.txt", add, "a file of an unknown kind"),
]
