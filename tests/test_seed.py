"""Every statement, rule and caption of the seed document is in the graph, each found by a question of its own.

The ids are those of the reading of the seed: A001-A069 statements, R01-R10 rules, C01-C17 captions.
"""

from __future__ import annotations

import pytest
from rdflib import RDF, Graph

from mskgraph import ontology

SEED = "dcterms:source msk:source-seed"
CALCIFICATION = "msk:ofFinding msk:soft-tissue-calcification"
TABLE = "msk:table-soft-tissue-calcification"
NOT_STATED = "msk:estimate msk:not-stated"


def claim(diagnosis: str, more: str) -> str:
    """An association of the seed about a diagnosis."""
    return f"?claim a msk:Association ; msk:diagnosis msk:{diagnosis} ; {SEED} ; {more} ."


def word(stated: str, group: str) -> str:
    """The frequency in the seed's own word."""
    return f"msk:estimate [ msk:form msk:form-word ; msk:stated '{stated}' ; msk:frequencyWord msk:frequency-{group} ]"


def look(diagnosis: str, morphology: str, row: int) -> str:
    """A typical appearance given in the table."""
    typical = word("typical", "frequent")
    return claim(
        diagnosis,
        f"msk:feature msk:{morphology} ; {CALCIFICATION} ; {typical} ; msk:locator 'table, row {row}'",
    )


def cause(diagnosis: str) -> str:
    """A row of the table, that is a cause of soft tissue calcification."""
    return (
        f"?row a msk:TableRow ; msk:diagnosis msk:{diagnosis} ; msk:table {TABLE} ; {SEED} ."
        f" {TABLE} msk:finding msk:soft-tissue-calcification ; {SEED} ."
    )


def percent(diagnosis: str, stated: str, lower: str, upper: str) -> str:
    """A share of the table as a range of percentages."""
    return cause(diagnosis) + (
        "?row msk:estimate [ msk:form msk:form-percent-range ;"
        f" msk:stated '{stated}' ; msk:lower {lower} ; msk:upper {upper} ] ."
    )


def marks(diagnosis: str, stated: str, number: int) -> str:
    """A share of the table as marks before a bound."""
    return cause(diagnosis) + (
        "?row msk:estimate [ msk:form msk:form-order-of-magnitude ;"
        f" msk:stated '{stated}' ; msk:upper 0.01 ; msk:marks {number} ] ."
    )


def rank(diagnosis: str, number: int) -> str:
    """A place in the order of the table."""
    return f"[] a msk:TableRow ; msk:table {TABLE} ; msk:diagnosis msk:{diagnosis} ; msk:rank {number} ."


def leads(diagnosis: str, category: str) -> str:
    """An entry of the differential list of dystrophic calcification."""
    return (
        claim(diagnosis, f"msk:leadsTo msk:dystrophic-calcification ; {NOT_STATED}")
        + f" msk:{diagnosis} a msk:Diagnosis ; msk:category msk:category-{category} ."
    )


def says(about: str, *words: str) -> str:
    """A teaching point of the seed."""
    found = " && ".join(f"CONTAINS(LCASE(?text), '{text}')" for text in words)
    return f"?point a msk:TeachingPoint ; msk:about {about} ; msk:text ?text ; {SEED} . FILTER({found})"


def of_phlebolith(feature: str, estimate: str) -> str:
    """A look or site of the calcification in venous thrombosis."""
    return claim("venous-thrombosis", f"msk:feature msk:{feature} ; msk:ofFinding msk:phlebolith ; {estimate}")


STATEMENTS = {
    "A001": "msk:source-seed a msk:Source ; dcterms:title 'MSK Ultrasound cases file 12-2017'@en .",
    "A002": "msk:source-seed dcterms:creator ?who ."
    " FILTER(CONTAINS(?who, 'Steve Ramsey') && CONTAINS(?who, 'PhD') && CONTAINS(?who, 'Calgary'))",
    "A003": says("msk:source-seed", "17 captions", "ultrasound", "radiographs")
    + " msk:source-seed prov:wasDerivedFrom msk:source-uw .",
    "A004": says("msk:soft-tissue-calcification", "very often in practice"),
    "A005": says(f"msk:soft-tissue-calcification, {TABLE}", "six causes usually"),
    "A006": cause("dystrophic-calcification"),
    "A007": look("dystrophic-calcification", "small-to-large", 1).replace("?claim", "?size")
    + look("dystrophic-calcification", "amorphous", 1),
    "A008": look("dystrophic-calcification", "confined-to-damaged-tissue", 1),
    "A009": claim("dystrophic-calcification", f"msk:progressesTo msk:ossification ; {NOT_STATED}")
    + claim(
        "dystrophic-calcification", "msk:feature msk:cortex-and-medullary-space ; msk:ofFinding msk:ossification"
    ).replace("?claim", "?then"),
    "A010": percent("dystrophic-calcification", "95-98 %", "0.95", "0.98"),
    "A011": cause("calcium-pyrophosphate-deposition"),
    "A012": claim(
        "calcium-pyrophosphate-deposition", f"msk:feature msk:chondrocalcinosis ; {word('typical', 'frequent')}"
    ),
    "A013": claim(
        "calcium-pyrophosphate-deposition",
        "msk:feature msk:soft-tissue-calcification ; msk:atSite msk:spinal-soft-tissue ;"
        + word("occasionally", "occasional"),
    ),
    "A014": percent("calcium-pyrophosphate-deposition", "1-2 %", "0.01", "0.02"),
    "A015": cause("metastatic-calcification") + " msk:metastatic-calcification msk:category msk:category-metabolic .",
    "A016": look("metastatic-calcification", "finely-speckled", 3),
    "A017": look("metastatic-calcification", "diffuse", 3) + " ?claim msk:atSite msk:soft-tissue .",
    "A018": percent("metastatic-calcification", "1-2 %", "0.01", "0.02"),
    "A019": cause("tumoral-calcinosis"),
    "A020": look("tumoral-calcinosis", "large-globular", 4),
    "A021": claim(
        "tumoral-calcinosis",
        f"msk:feature msk:periarticular-tissue ; {CALCIFICATION} ; {word('usually', 'frequent')}",
    ),
    "A022": marks("tumoral-calcinosis", "<< 1 %", 2),
    "A023": cause("metastatic-osteosarcoma") + " msk:metastatic-osteosarcoma skos:broader msk:osteosarcoma .",
    "A024": "".join(
        look("metastatic-osteosarcoma", shape, 5).replace("?claim", f"?{shape}")
        for shape in ("amorphous", "fluffy", "confluent")
    ),
    "A025": marks("metastatic-osteosarcoma", "<<< 1 %", 3),
    "A026": cause("primary-soft-tissue-osteosarcoma"),
    "A027": "".join(
        look("primary-soft-tissue-osteosarcoma", shape, 6).replace("?claim", f"?{shape}")
        for shape in ("amorphous", "fluffy", "confluent")
    ),
    "A028": marks("primary-soft-tissue-osteosarcoma", "<<<< 1 %", 4),
    "A029": rank("dystrophic-calcification", 1)
    + rank("calcium-pyrophosphate-deposition", 2)
    + rank("metastatic-calcification", 2)
    + rank("tumoral-calcinosis", 4)
    + rank("metastatic-osteosarcoma", 5)
    + rank("primary-soft-tissue-osteosarcoma", 6),
    "A030": says("msk:soft-tissue-calcification, msk:dystrophic-calcification", "nearly every", "radiographs"),
    "A031": says("msk:tissue-damage, msk:inflammatory-response", "sets off the generic inflammatory response"),
    "A032": says("msk:inflammatory-response", "sometimes ends in calcification of the damaged tissue"),
    "A033": says("msk:soft-tissue-calcification", "probably", "microscopic"),
    "A034": says("msk:soft-tissue-calcification", "occasionally large enough", "radiographs"),
    "A035": "?case a msk:Case ; msk:statedDiagnosis msk:dystrophic-calcification ;"
    " msk:statedCause msk:recurrent-trauma ; msk:observation/msk:site msk:achilles-tendon ;"
    " msk:image/dcterms:identifier 'C02' .",
    "A036": "?case a msk:Case ; msk:statedDiagnosis msk:dystrophic-calcification ; msk:statedCause msk:tendinopathy ;"
    " msk:observation/msk:site msk:achilles-tendon . msk:tendinopathy skos:altLabel 'tendinitis'@en .",
    "A037": claim("dystrophic-calcification", f"msk:feature msk:tissue-damage ; {word('means', 'obligate')}"),
    "A038": leads("venous-insufficiency", "vascular"),
    "A039": leads("parasitic-infestation", "infection"),
    "A040": leads("cysticercosis", "infection") + " msk:cysticercosis skos:broader msk:parasitic-infestation .",
    "A041": leads("dracunculiasis", "infection") + " msk:dracunculiasis skos:broader msk:parasitic-infestation .",
    "A042": leads("armillifer-infestation", "infection")
    + " msk:armillifer-infestation skos:broader msk:parasitic-infestation ; skos:altLabel 'pentastomiasis'@en .",
    "A043": leads("primary-bone-forming-tumour", "neoplasm")
    + " msk:primary-bone-forming-tumour skos:altLabel 'tumour stroma'@en .",
    "A044": leads("osteosarcoma", "neoplasm")
    + " ?claim skos:note ?note . FILTER(CONTAINS(?note, 'Probably') && CONTAINS(?note, 'bone-forming tumour'))",
    "A045": leads("tumour-necrosis", "neoplasm"),
    "A046": leads("hypervitaminosis-d", "drug") + " msk:hypervitaminosis-d skos:altLabel 'vitamin D'@en .",
    "A047": leads("dermatomyositis", "autoimmune"),
    "A048": leads("scleroderma", "autoimmune"),
    "A049": leads("heterotopic-ossification", "trauma"),
    "A050": leads("injection-granuloma", "trauma"),
    "A051": says("msk:dystrophic-calcification", "main task", "likeliest cause"),
    "A052": says("msk:soft-tissue-calcification", "look of a calcification helps to find its cause"),
    "A053": says("msk:venous-thrombosis", "example of a cause", "recognised by its look")
    + claim("venous-thrombosis", "msk:leadsTo msk:dystrophic-calcification"),
    "A054": claim("venous-thrombosis", "msk:feature msk:phlebolith ; msk:atSite msk:venous-valve"),
    "A055": "msk:phlebolith a msk:Finding ; skos:broader msk:soft-tissue-calcification ."
    + says("msk:phlebolith, msk:ossification", "or even an ossification"),
    "A056": of_phlebolith("round", NOT_STATED),
    "A057": of_phlebolith("dense", NOT_STATED),
    "A058": of_phlebolith("lamellated", word("sometimes", "occasional")),
    "A059": of_phlebolith("pelvic-venous-plexus", word("commonly", "frequent")),
    "A060": of_phlebolith("peripheral-vein", NOT_STATED),
    "A061": of_phlebolith("vein-of-lower-limb", NOT_STATED)
    + " ?claim skos:note ?note . FILTER(CONTAINS(?note, 'Especially'))"
    " msk:vein-of-lower-limb skos:broader msk:peripheral-vein .",
    "A062": claim("soft-tissue-haemangioma", f"msk:feature msk:phlebolith ; {word('rarely', 'very-rare')}"),
    "A063": says("msk:parasitic-infestation", "not very common"),
    "A064": says("msk:cysticercosis", "two patients", "one year", "orthopaedic trauma board", "county hospital")
    + " ?point skos:note ?note . FILTER(CONTAINS(?note, 'University of Washington'))",
    "A065": says("msk:parasitic-infestation", "quite specific"),
    "A066": claim("cysticercosis", f"msk:feature msk:multiple ; {CALCIFICATION} ; {word('classic', 'very-frequent')}")
    + claim(
        "cysticercosis", f"msk:feature msk:elongated ; {CALCIFICATION} ; {word('classic', 'very-frequent')}"
    ).replace("?claim", "?shape"),
    "A067": claim(
        "cysticercosis",
        f"msk:feature msk:rice-grain ; {CALCIFICATION} ; {word('classic', 'very-frequent')} ; skos:note ?note",
    )
    + " FILTER(CONTAINS(?note, 'shape and size'))",
    "A068": claim(
        "cysticercosis",
        f"msk:feature msk:aligned-with-muscle-fibres ; {CALCIFICATION} ; {word('usually', 'frequent')}",
    ),
    "A069": claim(
        "dracunculiasis",
        f"msk:feature msk:crescentic ; {CALCIFICATION} ; {NOT_STATED} ; msk:confidence msk:confidence-low ;"
        " msk:conflictsWith ?other",
    )
    + claim("dracunculiasis", f"msk:feature msk:small ; {CALCIFICATION} ; {NOT_STATED}").replace("?claim", "?size")
    + " ?other msk:diagnosis msk:dracunculiasis ; dcterms:source msk:source-isr27 .",
}


def rule(given: str, points: str) -> str:
    """A discriminator of the seed, with exactly the given features."""
    features = [f"msk:{name}" for name in given.split()]
    others = ", ".join(features)
    return (
        f"?rule a msk:Discriminator ; msk:given {others} ; msk:pointsTo {points} ; {SEED} ."
        f" FILTER NOT EXISTS {{ ?rule msk:given ?more . FILTER(?more NOT IN ({others})) }}"
    )


RULES = {
    "R01": rule("soft-tissue-calcification round dense vein", "msk:phlebolith, msk:venous-thrombosis")
    + " ?rule skos:note ?note . FILTER(CONTAINS(?note, 'lamellated') && CONTAINS(?note, 'pelvic venous plexus'))"
    " msk:pelvic-venous-plexus skos:broader+ msk:vein . msk:vein-of-lower-limb skos:broader+ msk:vein .",
    "R02": rule("phlebolith soft-tissue-mass", "msk:soft-tissue-haemangioma")
    + " ?rule skos:note ?note . FILTER(CONTAINS(?note, 'Rare'))",
    "R03": rule("soft-tissue-calcification multiple rice-grain aligned-with-muscle-fibres", "msk:cysticercosis"),
    "R04": rule("soft-tissue-calcification small crescentic", "msk:dracunculiasis")
    + " ?rule msk:confidence msk:confidence-low ; msk:conflictsWith ?other ."
    " ?other msk:pointsTo msk:armillifer-infestation ; msk:given msk:crescentic .",
    "R05": rule("soft-tissue-calcification large-globular periarticular-tissue", "msk:tumoral-calcinosis"),
    "R06": rule("soft-tissue-calcification finely-speckled diffuse", "msk:metastatic-calcification"),
    "R07": rule(
        "soft-tissue-calcification amorphous fluffy confluent",
        "msk:metastatic-osteosarcoma, msk:primary-soft-tissue-osteosarcoma",
    ),
    "R08": rule("soft-tissue-calcification amorphous confined-to-damaged-tissue", "msk:dystrophic-calcification"),
    "R09": rule("cortex-and-medullary-space", "msk:ossification, msk:dystrophic-calcification"),
    "R10": rule("chondrocalcinosis", "msk:calcium-pyrophosphate-deposition")
    + " ?rule skos:note ?note . FILTER(CONTAINS(?note, 'spine'))",
}


def seen(caption: str, case: int, observation: str, more: str = "") -> str:
    """A present observation that the image of a caption shows, in its case."""
    return (
        f"?image a msk:Image ; dcterms:identifier '{caption}' ; dcterms:description ?text ; {SEED} ."
        f" msk:case-ramsey-2017-{case} a msk:Case ; msk:image ?image ; msk:observation ?seen ; {SEED} ."
        f" ?seen msk:image ?image ; msk:present true ; {observation} . {more}"
    )


def no(*properties: str) -> str:
    """What the caption leaves open stays open."""
    return "".join(f" FILTER NOT EXISTS {{ ?seen msk:{name} ?{name} }}" for name in properties)


CALC = "msk:finding msk:soft-tissue-calcification"
THIGH = f"{CALC} ; msk:site msk:anterior-proximal-thigh ; msk:side msk:right"
OLD_INJURY = "msk:case-ramsey-2017-11 msk:statedCause msk:old-injury ."
NODE = "msk:finding msk:abnormal-lymph-node ; msk:site msk:axillary-lymph-node"
RADIAL = "msk:finding msk:ligament-tear ; msk:site msk:radial-collateral-ligament-of-elbow"

CAPTIONS = {
    "C01": seen(
        "C01",
        1,
        f"{CALC} ; msk:side msk:right ; msk:possibleSite msk:gluteal-tendon, msk:proximal-hamstring-origin",
        "msk:case-ramsey-2017-1 msk:context msk:pain .",
    ),
    "C02": seen(
        "C02",
        2,
        f"{CALC} ; msk:site msk:achilles-tendon",
        "msk:case-ramsey-2017-2 msk:statedDiagnosis msk:dystrophic-calcification ;"
        " msk:statedCause msk:recurrent-trauma, msk:tendinopathy .",
    )
    + no("side"),
    "C03": seen("C03", 3, "msk:finding msk:joint-effusion ; msk:site msk:annular-recess-of-elbow ; msk:side msk:right")
    + " msk:annular-recess-of-elbow msk:partOf msk:elbow-joint .",
    "C04": seen("C04", 4, f"{RADIAL} ; msk:side msk:right"),
    "C05": seen(
        "C05",
        5,
        f"{CALC} ; msk:side msk:right ; msk:possibleSite msk:radial-collateral-ligament-of-elbow,"
        " msk:ulnar-collateral-ligament-of-elbow",
    ),
    "C06": seen("C06", 6, "msk:finding msk:tendon-tear ; msk:site msk:posterior-common-extensor-tendon") + no("side"),
    "C07": seen("C07", 7, f"{CALC} ; msk:site msk:triceps-tendon-insertion") + no("side"),
    "C08": seen("C08", 8, RADIAL) + no("side"),
    "C09": seen("C09", 9, "msk:finding msk:abdominal-mass ; msk:site msk:left-upper-quadrant")
    + seen(
        "C09",
        9,
        "msk:finding msk:organ-displacement ; msk:site msk:stomach ; msk:morphology msk:anterolateral-displacement",
    ).replace("?seen", "?moved"),
    "C10": seen("C10", 9, "msk:finding msk:abdominal-mass ; msk:morphology msk:mixed-fluid-and-solid")
    + seen("C10", 9, "msk:finding msk:hyperaemia ; msk:site msk:abdominal-cavity").replace("?seen", "?flow"),
    "C11": seen("C11", 9, "msk:finding msk:ascites ; msk:site msk:peritoneal-cavity")
    + seen("C11", 9, "msk:finding msk:perihepatic-fluid ; msk:site msk:left-lobe-of-liver").replace("?seen", "?around")
    + no("side"),
    "C12": seen("C12", 9, "msk:finding msk:pericholecystic-fluid ; msk:site msk:pericholecystic-region"),
    "C13": seen("C13", 10, NODE, "msk:case-ramsey-2017-10 msk:context msk:pain .")
    + seen("C13", 10, "msk:finding msk:hyperaemia ; msk:site msk:axillary-lymph-node").replace("?seen", "?flow")
    + no("side"),
    "C14": seen("C14", 10, f"{NODE} ; msk:morphology msk:irregular-margin"),
    "C15": seen("C15", 10, f"{NODE} ; msk:morphology msk:solitary", "FILTER(CONTAINS(?text, 'Extended field'))"),
    "C16": seen("C16", 11, THIGH, OLD_INJURY),
    "C17": seen("C17", 11, THIGH, OLD_INJURY),
}

ALL = {**STATEMENTS, **RULES, **CAPTIONS}


@pytest.fixture(scope="session")
def graph() -> Graph:
    return ontology.read(ontology.files(ontology.find()))


def ask(graph: Graph, pattern: str) -> bool:
    return bool(graph.query(f"ASK {{ {pattern} }}", initNs=dict(ontology.PREFIXES)).askAnswer)


def test_no_statement_rule_or_caption_is_missing() -> None:
    assert list(STATEMENTS) == [f"A{number:03}" for number in range(1, 70)]
    assert list(RULES) == [f"R{number:02}" for number in range(1, 11)]
    assert list(CAPTIONS) == [f"C{number:02}" for number in range(1, 18)]
    assert len(set(ALL.values())) == len(ALL), "two of them ask the same"


@pytest.mark.parametrize("statement", ALL)
def test_the_graph_holds(graph: Graph, statement: str) -> None:
    assert ask(graph, ALL[statement])


def test_a_statement_that_the_seed_does_not_make_is_not_found(graph: Graph) -> None:
    assert not ask(graph, look("tumoral-calcinosis", "finely-speckled", 4))
    assert not ask(graph, percent("tumoral-calcinosis", "<< 1 %", "0", "0.01"))


def test_cases_and_images_are_counted(graph: Graph) -> None:
    assert len(set(graph.subjects(RDF.type, ontology.MSK.Case))) == 11
    assert len(set(graph.subjects(RDF.type, ontology.MSK.Image))) == 17
    assert len(set(graph.subjects(ontology.MSK.table, ontology.MSK["table-soft-tissue-calcification"]))) == 6


def test_the_elbow_cases_may_be_one_patient(graph: Graph) -> None:
    pairs = {
        (str(one).rsplit("-", 1)[1], str(other).rsplit("-", 1)[1])
        for one, other in graph.subject_objects(ontology.MSK.possiblySamePatient)
    }
    assert pairs == {(one, other) for one in "345678" for other in "345678" if one != other}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dracunculiasis-crescentic-seed", "dracunculiasis-linear-isr27"),
        ("dracunculiasis-crescentic-seed", "dracunculiasis-linear-rpdrac"),
        ("dracunculiasis-crescentic-seed", "dracunculiasis-serpiginous-dmcase"),
        (
            "hypervitaminosis-d-dystrophic-calcification-seed",
            "hypervitaminosis-d-metastatic-calcification-rrr",
        ),
        ("discriminator-crescentic", "discriminator-crescentic-isr27"),
    ],
)
def test_rival_claims_stand_side_by_side(graph: Graph, one: str, other: str) -> None:
    assert ask(graph, f"msk:{one} msk:conflictsWith msk:{other} . msk:{other} msk:conflictsWith msk:{one} .")


def test_what_armillifer_never_does_is_stated(graph: Graph) -> None:
    assert ask(
        graph,
        "[] msk:diagnosis msk:armillifer-infestation ; msk:feature msk:subcutaneous-tissue ;"
        " dcterms:source msk:source-isr27 ; msk:estimate/msk:frequencyWord msk:frequency-excluded .",
    )


def test_osteosarcomas_must_not_be_missed(graph: Graph) -> None:
    marked = {str(node).rsplit("/", 1)[1] for node in graph.subjects(ontology.MSK.mustNotMiss)}
    assert marked >= {"osteosarcoma", "metastatic-osteosarcoma", "primary-soft-tissue-osteosarcoma"}


def test_metastatic_alone_names_nothing(graph: Graph) -> None:
    assert not ask(
        graph, "?concept skos:prefLabel|skos:altLabel|skos:hiddenLabel ?name . FILTER(LCASE(?name) = 'metastatic')"
    )
