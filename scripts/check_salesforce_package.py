"""Checks the Salesforce package offline.

There is no Salesforce here, so this shows what can be shown without one: metadata files are
valid under the schema of the metadata API, Apex files parse, names that one file uses of
another exist, and docs/salesforce-package.md describes exactly the fields and change kinds
that are there. It does not compile Apex: a wrong type or an unknown method is not found.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import shutil
import sys
import tempfile

try:
    from lxml import etree
    from tree_sitter_language_pack import get_parser
except ImportError as problem:
    print(f"check-salesforce-package: {problem}; set CASEROUTER_TEST_PYTHON to the Python of an environment with "
          "the packages of scripts/check-salesforce-package.requirements.txt", file=sys.stderr)
    sys.exit(78)

ROOT = pathlib.Path(__file__).resolve().parent.parent
METADATA = "http://soap.sforce.com/2006/04/metadata"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
N = {"m": METADATA}
OUTBOX = "Routing_Request__c"

# The end of a file's name in source format, and the metadata type of its root element.
TYPES = {
    "object": "CustomObject",
    "field": "CustomField",
    "listView": "ListView",
    "cls": "ApexClass",
    "trigger": "ApexTrigger",
    "permissionset": "PermissionSet",
    "customPermission": "CustomPermission",
    "layout": "Layout",
    "tab": "CustomTab",
}
STANDARD_OBJECTS = {"Account", "Case", "Contact"}
LOOPS = {"for_statement", "enhanced_for_statement", "while_statement", "do_statement"}
DECLARATIONS = {"variable_declarator", "formal_parameter", "enhanced_for_statement"}
RESERVED = set("""
    abstract activate and any array as asc autonomous begin bigdecimal blob boolean break bulk by byte case cast
    catch char class collect commit const continue currency date datetime decimal default delete desc do double else
    end enum exception exit export extends false final finally float for from global goto group having hint if
    implements import in inner insert instanceof int integer interface into join like limit list long loop map merge
    new not null nulls number object of on or outer override package parallel pragma private protected public
    retrieve return rollback select set short sobject sort static string super switch synchronized system testmethod
    then this throw time transaction trigger true try undelete update upsert using virtual void webservice when
    where while
""".split())
SAVES = re.compile(r"(Database\.(insert|update|upsert|delete|undelete|query|merge)|EventBus\.publish)\s*\(", re.I)


class Package:
    """One copy of the package, and what is wrong with it."""

    def __init__(self, root, schema):
        self.root = root
        self.source = root / "salesforce"
        self.main = self.source / "force-app" / "main" / "default"
        self.document = root / "docs" / "salesforce-package.md"
        self.schema = schema
        self.faults = []
        self.metadata = {}  # path -> root element
        self.apex = {}  # path -> syntax tree
        self.fields = {}  # object -> field -> element

    def fault(self, path, text):
        self.faults.append(f"{path.relative_to(self.root)}: {text}")

    def check(self):
        version = self.check_project()
        self.check_metadata(version)
        self.check_apex()
        self.check_pairs()
        self.check_metadata_references()
        self.check_apex_references()
        self.check_members()
        self.check_document()
        return self.faults

    def summary(self):
        fields = sum(len(of_object) for of_object in self.fields.values())
        return (f"salesforce package: {len(self.metadata)} metadata files valid under the metadata schema, "
                f"{len(self.apex)} Apex files parsed, {fields} fields and {len(self.change_kinds())} change kinds "
                f"as in docs/{self.document.name}")

    def check_project(self):
        path = self.source / "sfdx-project.json"
        try:
            project = json.loads(path.read_text())
            for directory in project["packageDirectories"]:
                if not (self.source / directory["path"]).is_dir():
                    self.fault(path, f"package directory {directory['path']} does not exist")
            return project["sourceApiVersion"]
        except (OSError, ValueError, KeyError) as problem:
            self.fault(path, f"not a project file: {problem!r}")
            return None

    # Metadata

    def check_metadata(self, version):
        for path in sorted(self.main.rglob("*")):
            if path.is_dir() or path.suffix in (".cls", ".trigger"):
                continue
            kind = path.name.removesuffix("-meta.xml").rpartition(".")[2]
            if not path.name.endswith("-meta.xml") or kind not in TYPES:
                self.fault(path, "a file of an unknown kind")
                continue
            try:
                element = etree.parse(path).getroot()
            except etree.XMLSyntaxError as problem:
                self.fault(path, f"not XML: {problem}")
                continue
            if element.tag != f"{{{METADATA}}}{TYPES[kind]}":
                self.fault(path, f"the root element is {element.tag}, expected {TYPES[kind]} of {METADATA}")
                continue
            if not self.schema.validate(element):
                for error in self.schema.error_log:
                    self.fault(path, f"line {error.line}: {error.message.replace('{' + METADATA + '}', '')}")
            self.metadata[path] = element
            self.check_names(path, element, kind)
            stated = text_of(element, "apiVersion")
            if stated and stated != version:
                self.fault(path, f"apiVersion {stated}, the project has {version}")

    def check_names(self, path, element, kind):
        """A file is named after what it defines, and Salesforce limits names, labels and descriptions."""
        name = path.name.split(".")[0]
        if kind == "field":
            self.fields.setdefault(path.parent.parent.name, {})[name] = element
        if kind == "object" and name != path.parent.name:
            self.fault(path, "lies in the folder of another object")
        if text_of(element, "fullName") not in ("", name):
            self.fault(path, f"fullName {text_of(element, 'fullName')} is not the file's name")
        short = name if kind == "layout" else re.sub("__[ce]$", "", name)
        if len(short) > (80 if kind == "layout" else 40) or len(text_of(element, "label")) > 40:
            self.fault(path, "a name or label that is too long")
        if len(text_of(element, "description")) > (1000 if kind in ("object", "field") else 255):
            self.fault(path, "a description that is too long")

    # Apex

    def check_apex(self):
        parser = get_parser("apex")
        files = [path for suffix in ("cls", "trigger", "apex") for path in sorted(self.source.rglob(f"*.{suffix}"))]
        for path in files:
            tree = parser.parse(path.read_bytes()).root_node
            self.apex[path] = tree
            if tree.has_error:
                place = next((node for node in walk(tree) if node.is_error or node.is_missing), tree)
                self.fault(path, f"line {line_of(place)}: syntax error")
                continue
            for node in walk(tree):
                if node.type in LOOPS and (body := node.child_by_field_name("body")) is not None:
                    self.check_loop(path, body)
            self.check_identifiers(path, tree)

    def check_loop(self, path, body):
        """A query or a save at every turn breaks the limits as soon as 200 cases are saved at once."""
        for node in walk(body):
            if node.type in ("query_expression", "dml_expression") or (
                    node.type == "method_invocation" and SAVES.match(node.text.decode())):
                self.fault(path, f"line {line_of(node)}: a query or a save inside a loop")

    def check_identifiers(self, path, tree):
        """Apex does not tell COMMENT from comment: a local name hides a constant that is written otherwise."""
        members = {}
        for node in walk(tree):
            if node.type == "field_declaration":
                for declarator in node.children_by_field_name("declarator"):
                    name = declarator.child_by_field_name("name").text.decode()
                    members[name.lower()] = name
        for node in walk(tree):
            if node.type not in DECLARATIONS or (found := node.child_by_field_name("name")) is None:
                continue
            name = found.text.decode()
            if name.lower() in RESERVED:
                self.fault(path, f"line {line_of(node)}: {name} is a reserved word")
            if members.get(name.lower(), name) != name:
                self.fault(path, f"line {line_of(node)}: {name} hides {members[name.lower()]}")

    # What belongs together

    def check_pairs(self):
        for suffix in ("cls", "trigger"):
            for path in self.main.rglob(f"*.{suffix}"):
                if not path.with_name(path.name + "-meta.xml").exists():
                    self.fault(path, "has no -meta.xml")
                for node in self.apex[path].children:
                    if node.type in ("class_declaration", "trigger_declaration"):
                        declared = node.child_by_field_name("name").text.decode()
                        if declared != path.stem:
                            self.fault(path, f"declares {declared}")
            for path in self.main.rglob(f"*.{suffix}-meta.xml"):
                if not path.with_name(path.name.removesuffix("-meta.xml")).exists():
                    self.fault(path, "has no source file")

    def check_metadata_references(self):
        classes = {path.stem for path in self.main.rglob("*.cls")}
        permissions = {path.name.split(".")[0] for path in self.main.rglob("*.customPermission-meta.xml")}
        objects = {path.parent.name for path in self.main.rglob("*.object-meta.xml")}
        fields = {f"{owner}.{name}" for owner, names in self.fields.items() for name in names}

        def must_exist(path, element, xpath, names):
            for found in element.iterfind(xpath, namespaces=N):
                if found.text not in names:
                    self.fault(path, f"line {found.sourceline}: {found.text} does not exist")

        for path, element in self.metadata.items():
            kind = etree.QName(element).localname
            if kind == "PermissionSet":
                must_exist(path, element, "m:fieldPermissions/m:field", fields)
                must_exist(path, element, "m:objectPermissions/m:object", objects | STANDARD_OBJECTS)
                must_exist(path, element, "m:classAccesses/m:apexClass", classes)
                must_exist(path, element, "m:customPermissions/m:name", permissions)
                must_exist(path, element, "m:tabSettings/m:tab", objects)
            elif kind == "Layout":
                standard = {"Name", "CreatedDate", "LastModifiedDate"}
                names = self.fields.get(path.name.split("-")[0], {}).keys() | standard
                must_exist(path, element, ".//m:layoutItems/m:field", names)
            elif kind == "ListView":
                names = self.fields.get(path.parent.parent.name, {}).keys() | {"NAME", "CREATED_DATE"}
                must_exist(path, element, "m:columns", names)
                must_exist(path, element, "m:filters/m:field", names)
            elif kind == "CustomTab" and path.name.split(".")[0] not in objects:
                self.fault(path, "a tab of an object that does not exist")

    def check_apex_references(self):
        known = self.fields.keys() | {name for names in self.fields.values() for name in names}
        for path, tree in self.apex.items():
            for node in walk(tree):
                if node.children or "comment" in node.type:
                    continue
                for name in re.findall(r"\b[A-Za-z]\w*?__[ce]\b", node.text.decode()):
                    if name not in known:
                        self.fault(path, f"line {line_of(node)}: {name} does not exist")
            # A write-back changes rows only; with no trigger on them it can set off nothing.
            if path.suffix == ".trigger" and re.search(rf"\bon\s+{OUTBOX}\b", path.read_text()):
                self.fault(path, f"a trigger on {OUTBOX}: the write-back would fire it")

    def check_members(self):
        """What one class uses of another, or calls in itself, is declared there and may be used."""
        declared = {path.stem: members_of(tree) for path, tree in self.apex.items() if path.suffix == ".cls"}
        for path, tree in self.apex.items():
            is_test = "@IsTest" in path.read_text()
            for node in walk(tree):
                if node.type not in ("method_invocation", "field_access"):
                    continue
                owner = node.child_by_field_name("object")
                name = node.child_by_field_name("name" if node.type == "method_invocation" else "field")
                if name is None or (owner is None and path.stem not in declared):
                    continue
                owner = path.stem if owner is None else owner.text.decode()
                if owner not in declared:
                    continue
                visible = declared[owner].get(name.text.decode().lower())
                if visible is None:
                    self.fault(path, f"line {line_of(node)}: {owner} has no {name.text.decode()}")
                elif owner != path.stem and not (visible == "all" or visible == "tests" and is_test):
                    self.fault(path, f"line {line_of(node)}: {owner}.{name.text.decode()} is private")

    # The document

    def check_document(self):
        try:
            tables = tables_by_heading(self.document.read_text())
        except OSError as problem:
            self.fault(self.document, str(problem))
            return
        for owner, names in self.fields.items():
            described = tables.get(owner, {})
            for name in sorted(names.keys() - described.keys()):
                self.fault(self.document, f"{owner}.{name} is not described")
            for name in sorted(described.keys() - names.keys()):
                self.fault(self.document, f"describes {owner}.{name}, which does not exist")
            for name in sorted(names.keys() & described.keys()):
                actual = type_of(names[name])
                if described[name] != actual:
                    self.fault(self.document, f"{owner}.{name} is {described[name]} here, {actual} in the package")
        kinds = set(tables.get("Change__c", {}))
        if kinds != self.change_kinds():
            self.fault(self.document, f"change kinds differ: {', '.join(sorted(kinds ^ self.change_kinds()))}")

    def change_kinds(self):
        handler = self.main / "classes" / "RoutingTriggerHandler.cls"
        return set(re.findall(r"public static final String \w+ = '([a-z-]+)';", handler.read_text()))


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def members_of(tree):
    """Methods, fields and inner classes of a class: name in lower case -> who may use it."""
    members = {}
    for node in walk(tree):
        if node.type == "field_declaration":
            names = [found.child_by_field_name("name") for found in node.children_by_field_name("declarator")]
        elif node.type in ("method_declaration", "class_declaration"):
            names = [node.child_by_field_name("name")]
        else:
            continue
        modifiers = next((child.text.decode() for child in node.children if child.type == "modifiers"), "")
        visible = "all" if "public" in modifiers else "tests" if "@TestVisible" in modifiers else "none"
        for name in names:
            key = name.text.decode().lower()
            members[key] = "all" if members.get(key) == "all" else visible
    return members


def line_of(node):
    return node.start_point[0] + 1


def text_of(element, tag):
    return element.findtext(f"m:{tag}", default="", namespaces=N)


def type_of(field):
    """The type of a field as the document writes it."""
    kind = text_of(field, "type")
    suffix = {
        "Text": f"({text_of(field, 'length')})",
        "Number": f"({text_of(field, 'precision')},{text_of(field, 'scale')})",
        "AutoNumber": f" {text_of(field, 'displayFormat')}",
    }.get(kind, "")
    return kind + suffix + (", external id" if text_of(field, "externalId") == "true" else "")


def tables_by_heading(text):
    """For each heading with a name in backticks: first column -> second column of the tables below it."""
    tables, name = {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            found = re.search(r"`([^`]+)`", line)
            name = found.group(1) if found else None
        elif name and (cells := re.match(r"\|\s*`([^`]+)`\s*\|([^|]*)\|", line)):
            tables.setdefault(name, {})[cells.group(1)] = cells.group(2).replace("`", "").strip()
    return tables


def metadata_schema():
    """The schema inside the WSDL, with a global element for every type that a file can have at its root."""
    package = pathlib.Path(importlib.util.find_spec("simple_salesforce").origin).parent
    schema = etree.parse(package / "metadata.wsdl").find(f".//{{{SCHEMA}}}schema[@targetNamespace='{METADATA}']")
    prefix = next(key for key, uri in schema.nsmap.items() if uri == METADATA)
    for kind in TYPES.values():
        # The root element of the file is global; its content is the type of the same name.
        etree.SubElement(schema, f"{{{SCHEMA}}}element", name=kind, type=f"{prefix}:{kind}" if prefix else kind)
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def self_test(schema):
    """Breaks copies of the package, one fault each, and expects the check to name it."""
    from check_salesforce_package_faults import FAULTS

    missed = 0
    for name, path, change, expected in FAULTS:
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory)
            shutil.copytree(ROOT / "salesforce", copy / "salesforce")
            (copy / "docs").mkdir()
            shutil.copy(ROOT / "docs" / "salesforce-package.md", copy / "docs")
            change(copy / path)
            found = Package(copy, schema).check()
        if not any(expected in fault for fault in found):
            missed += 1
            print(f"self-test: not found: {name}; found instead: {found}", file=sys.stderr)
    print(f"salesforce package self-test: {len(FAULTS) - missed} of {len(FAULTS)} faults found")
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(description="Checks the Salesforce package offline.")
    parser.add_argument("--self-test", action="store_true", help="break copies of the package and see that it is found")
    arguments = parser.parse_args()
    schema = metadata_schema()
    package = Package(ROOT, schema)
    faults = package.check()
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        print(f"salesforce package: {len(faults)} faults")
        return 1
    print(package.summary())
    return self_test(schema) if arguments.self_test else 0


if __name__ == "__main__":
    sys.exit(main())
