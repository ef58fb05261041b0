import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const imageEntries = {
  CLI_BUNDLE_OTHER_IMAGE: {
    kind: "untrusted",
    says: "the bundle is not about this image, so it is not stored beside it",
    fix: "give the image that was signed, or sign this one",
  },
  CLI_IMAGES_UNREAD: {
    kind: "unavailable",
    says: "there are images in an object of a kind that is not known",
    fix: "say where its images are: --kind-path KIND=spec.template.spec, or that it runs none: --kind-path KIND=-",
  },
  CLI_IMAGE_MISSING: {
    kind: "unavailable",
    says: "a container names no image, so that what will run cannot be told",
    fix: "write the image into the file, or look at the pod once whatever fills it in has done so",
  },
  CLI_IMAGE_NAME: {
    kind: "malformed",
    says: "what should name an image does not",
    fix: "render templates and fill in variables first, and give what comes out",
  },
  CLI_IMAGE_UNPINNED: {
    kind: "unavailable",
    says: "the digests cannot be written into the file without changing something else; it stays as it was",
    fix: "write each image's name plainly where it is used: no escapes, merge keys or aliases of other texts",
  },
  CLI_IMAGE_TAG: {
    kind: "usage",
    says: "a tag was given; what it names now is signed",
    fix: "give the image by its digest, so that nobody can move the tag in between",
  },
} as const;

/** Of the commands for images, apart from the command line's other errors, which every command loads. */
export const imageErrors: Readonly<Record<string, CatalogueEntry>> = imageEntries;
/** Makes an error of the commands for images. */
export const imageError: ErrorMaker<typeof imageEntries> = catalogue(imageEntries);
